// A charset in which an ASCII character may be written by other bytes (UTF-7, UTF-16, EBCDIC ...) hides from whoever judges a body what the
// program behind will read. Those below keep ASCII as it is.

const readable = /^(?:utf-?8|us-ascii|ascii|latin-?1|iso-?8859-\d{1,2}|windows-125\d|koi8-[ru])$/;

/** Whether we read a text of this charset as the program behind does. */
export const isReadableCharset = (name: string): boolean => readable.test(name.trim().toLowerCase());

const parameter = /charset\s{0,20}(?:\*\d{0,3}\*?)?\s{0,20}=\s{0,20}["']?([^\s;,"']{0,64})/gi;

/** Whether a media type names a charset that we cannot read. Each is looked at: programs take the first, or the last. */
export function hasUnreadableCharset(contentType: string): boolean {
  if (!contentType.includes('=')) return false;
  for (const [, name = ''] of contentType.matchAll(parameter)) if (!isReadableCharset(name)) return true;
  return false;
}
