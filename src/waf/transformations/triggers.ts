import { allKinds, type Kinds, kindsOfCharacters } from '../match/byte-kinds.ts';

/** What a transformation needs to find before it changes anything. */
export interface Trigger {
  /** A text without bytes of these kinds stays as it is; all kinds: no text need do so, not even the empty one. */
  readonly needs: Kinds;
  /** Kinds that the result may have and the text did not. */
  readonly adds: Kinds;
}

const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const space = ' \t\n\v\f\r\xa0';

const trigger = (characters: string, added: string): Trigger => ({
  needs: kindsOfCharacters(characters),
  adds: kindsOfCharacters(added),
});

/** One that decodes: what comes out may be anything. */
const decoder = (characters: string): Trigger => ({ needs: kindsOfCharacters(characters), adds: allKinds });

/** By name in lower case. A transformation that is not here may change any text. */
const triggers: ReadonlyMap<string, Trigger> = new Map([
  ['none', trigger('', '')],
  ['cmdline', trigger(`"'\\^,;${space}${upper}`, ' a')],
  ['compresswhitespace', trigger(space, ' ')],
  ['cssdecode', decoder('\\')],
  ['escapeseqdecode', decoder('\\')],
  ['htmlentitydecode', decoder('&')],
  ['jsdecode', decoder('\\')],
  ['lowercase', trigger(upper, 'a')],
  ['normalisepath', trigger('./', '')],
  ['normalizepath', trigger('./', '')],
  ['normalisepathwin', trigger('./\\', '/')],
  ['normalizepathwin', trigger('./\\', '/')],
  ['removecomments', trigger('/<-#', ' \0')],
  ['removecommentschar', trigger('/*<-#', '')],
  ['removenulls', trigger('\0', '')],
  ['removewhitespace', trigger(space, '')],
  ['replacecomments', trigger('/', ' ')],
  ['replacenulls', trigger('\0', ' ')],
  ['trim', trigger(space, '')],
  ['trimleft', trigger(space, '')],
  ['trimright', trigger(space, '')],
  ['urldecode', decoder('%+')],
  ['urldecodeuni', decoder('%+')],
  ['utf8tounicode', trigger('\x80', '%u0')],
]);

const anything: Trigger = { needs: allKinds, adds: allKinds };

export const triggerOf = (name: string): Trigger => triggers.get(name) ?? anything;

/** Whether a text of these kinds of bytes stays as it is. */
export const isIdle = ({ needs }: Trigger, kinds: Kinds): boolean => needs !== allKinds && (needs & kinds) === 0;
