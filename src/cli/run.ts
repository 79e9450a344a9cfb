import { Command, CommanderError } from 'commander';
import { exitCodes } from '../core/errors.ts';
import { commands } from './commands.ts';
import { exitCodeOf, printError } from './terminal.ts';

/** Runs one command line; gives the exit code. Only the command's own module is loaded. */
export async function run(args: readonly string[]): Promise<number> {
  const program = createProgram();
  const row = commands.find(({ name }) => name === args[0]);
  if (row !== undefined)
    (await row.load()).describe(program.commands.find((each) => each.name() === row.name) as Command);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return (process.exitCode as number | undefined) ?? exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    await printError(error);
    return exitCodeOf(error);
  }
}

function createProgram(): Command {
  const program = new Command('merlon')
    .description('Zero-trust security for microservices: one manifest, every boundary enforced, every control proven.')
    .version(version, '-V, --version')
    .addHelpText('after', examples)
    .exitOverride()
    .showHelpAfterError('(merlon --help lists the commands)');
  for (const { name, summary } of commands) {
    program
      .command(name)
      .description(summary)
      .exitOverride()
      .configureOutput({ writeErr: (text) => process.stderr.write(text) });
  }
  return program;
}

const version = '0.1.0';

const examples = `
Examples:
  merlon init                    write a manifest from what lies in this folder
  merlon validate                every error of the manifest at once
  merlon up                      run the services, secured
  merlon explain <decision id>   why 403?
  merlon prove                   attack the running platform and show the evidence
  merlon check                   the security checklist, with evidence and fixes
`;
