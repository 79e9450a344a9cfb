import { allKinds, type Kinds, kindsOfCharacters, pairedSpace } from '../match/byte-kinds.ts';

/** What a transformation needs to find before it changes anything. */
export interface Trigger {
  /** A text without bytes of these kinds stays as it is; all kinds: no text need do so, not even the empty one. */
  readonly needs: Kinds;
  /** The result has at most so many bytes for each byte of the text. */
  readonly growth: number;
}

const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const unusualSpace = '\t\n\v\f\r\xa0';
const space = ` ${unusualSpace}`;

/** @param others kinds that are of no character. */
const trigger = (characters: string, others: Kinds = 0): Trigger => ({
  needs: kindsOfCharacters(characters) | others,
  growth: 1,
});

/** By name in lower case. A transformation that is not here may change any text. */
const triggers: ReadonlyMap<string, Trigger> = new Map([
  ['none', trigger('')],
  ['cmdline', trigger(`"'\\^,;${unusualSpace}${upper}`, pairedSpace)],
  ['compresswhitespace', trigger(unusualSpace, pairedSpace)],
  ['cssdecode', trigger('\\')],
  ['escapeseqdecode', trigger('\\')],
  ['foldtoascii', trigger('\x80')],
  ['htmlentitydecode', trigger('&')],
  ['jsdecode', trigger('\\')],
  ['lowercase', trigger(upper)],
  ['normalisepath', trigger('./')],
  ['normalizepath', trigger('./')],
  ['normalisepathwin', trigger('./\\')],
  ['normalizepathwin', trigger('./\\')],
  ['removecomments', trigger('/<-#')],
  ['removecommentschar', trigger('/*<-#')],
  ['removenulls', trigger('\0')],
  ['removewhitespace', trigger(space)],
  ['replacecomments', trigger('/')],
  ['replacenulls', trigger('\0')],
  ['trim', trigger(space)],
  ['trimleft', trigger(space)],
  ['trimright', trigger(space)],
  ['urldecode', trigger('%+')],
  ['urldecodeuni', trigger('%+')],
  ['utf8tounicode', { ...trigger('\x80'), growth: Number.POSITIVE_INFINITY }],
  ['base64decode', { needs: allKinds, growth: 3 / 4 }],
]);

const anything: Trigger = { needs: allKinds, growth: Number.POSITIVE_INFINITY };

export const triggerOf = (name: string): Trigger => triggers.get(name) ?? anything;

/** Whether a text of these kinds of bytes stays as it is. */
export const isIdle = ({ needs }: Trigger, kinds: Kinds): boolean => needs !== allKinds && (needs & kinds) === 0;
