import { gzipSync } from 'node:zlib';
import { type Attack, notApplicable } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { edgeProbe, subjectFor } from '../probes.ts';
import type { OpenPlace } from '../survey.ts';
import { type RequestText, withFields } from '../wire/request.ts';
import { isConfined } from './waf.ts';

interface EncodingRow {
  readonly id: string;
  readonly title: string;
  readonly standards: readonly string[];
  /** Parameters of the type that the place takes. */
  readonly charset?: string;
  readonly contentEncoding?: string;
  readonly body: Buffer;
}

const injection = `{"name": "1' UNION SELECT name, password FROM users --"}`;
/** The same in EBCDIC, where no byte is what it is in ASCII. */
const inEbcdic =
  'c07f958194857f7a407ff17d40e4d5c9d6d540e2c5d3c5c3e340958194856b409781a2a2a696998440c6d9d6d440a4a28599a24060607fd0';

/** One injection, written so that whoever reads the bytes as they are sees none; the service reads what was meant. */
const rows: readonly EncodingRow[] = [
  {
    id: 'waf.compressed-body',
    title: 'an injection in a compressed body, which frameworks inflate by themselves',
    standards: ['CWE-436', 'CWE-693', 'CWE-89'],
    contentEncoding: 'gzip',
    body: gzipSync(injection),
  },
  {
    id: 'waf.charset-ibm037',
    title: 'an injection in EBCDIC (`charset=ibm037`)',
    standards: ['CWE-176', 'CWE-693', 'CWE-89'],
    charset: 'ibm037',
    body: Buffer.from(inEbcdic, 'hex'),
  },
  {
    id: 'waf.charset-utf-7',
    title: 'a script in UTF-7, which holds no angle bracket',
    standards: ['CWE-176', 'CWE-693', 'CWE-79'],
    charset: 'utf-7',
    body: Buffer.from('{"name": "+ADw-script+AD4-alert(document.domain)+ADw-/script+AD4-"}'),
  },
  {
    id: 'waf.charset-utf-16',
    title: 'an injection in UTF-16',
    standards: ['CWE-176', 'CWE-693', 'CWE-89'],
    charset: 'utf-16le',
    body: Buffer.from(injection, 'utf16le'),
  },
];

function encoded(request: RequestText, { charset, contentEncoding, body }: EncodingRow, type: string): RequestText {
  const headers = request.headers.filter(([name]) => name.toLowerCase() !== 'content-type');
  const typed = withFields({ ...request, headers, body }, [
    'content-type',
    charset === undefined ? type : `${type}; charset=${charset}`,
  ]);
  return contentEncoding === undefined ? typed : withFields(typed, ['content-encoding', contentEncoding]);
}

/**
 * Where it is sent: beside a question that no document confines, which a service that reads no body answers as ever; else where a
 * probe may write.
 */
function placeFor({ survey, target }: ProveContext): OpenPlace | undefined {
  const { gateway } = target.manifest;
  const isGuarded = ({ place: { route } }: OpenPlace): boolean => (route.waf.mode ?? gateway.waf.mode) === 'block';
  const open = survey.reads.find(
    (each) => !isConfined(each) && isGuarded(each) && each.place.route.waf.bodies !== 'stream',
  );
  const { write } = survey;
  return open ?? (write !== undefined && (isConfined(write) || isGuarded(write)) ? write : undefined);
}

function encodingAttack(row: EncodingRow): Attack {
  const { id, title, standards } = row;
  return {
    id,
    title,
    protection: 'waf',
    severity: 'critical',
    standards,
    plan: (context: ProveContext) => {
      const open = placeFor(context);
      if (open === undefined)
        return notApplicable(
          'neither firewall nor document reads a body that a probe may send',
          context.survey.faults.write,
        );
      const isStrict = isConfined(open);
      return [
        edgeProbe(context, {
          open,
          subject: subjectFor(context, id),
          attack: (request) => encoded(request, row, isStrict ? 'application/json' : 'text/plain'),
          expected: {
            // A firewall has rules of its own for these.
            status: [415, 403],
            codes: ['gateway.unreadable-request', 'waf.denied', ...(isStrict ? ['openapi.media-type'] : [])],
            filter: ['openapi', 'waf'],
          },
        }),
      ];
    },
  };
}

/** Bodies that filters and services would read in two ways. */
export const encodingAttacks: readonly Attack[] = rows.map(encodingAttack);
