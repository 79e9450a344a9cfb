/** Segments that are empty or dots alone have a slash beside them, or are the whole text. */
function isNormal(text: string): boolean {
  if (!text.includes('/')) return text !== '.' && text !== '..';
  return !text.includes('//') && !text.includes('/.') && !text.includes('./');
}

/** Removes self-references, double slashes and back-references; what points above the start stays. */
export function normalisePath(text: string): string {
  if (isNormal(text)) return text;
  const absolute = text.startsWith('/');
  const kept: string[] = [];
  const segments = text.split('/');
  const last = segments.at(-1);
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!absolute) kept.push('..');
  }
  const endsInSlash = last === '' && (kept.length > 0 || !absolute) && text.length > 0;
  const joined = kept.join('/');
  if (joined === '' && !absolute) return '';
  return (absolute ? '/' : '') + joined + (endsInSlash && joined !== '' ? '/' : '');
}

/** The same, with backslashes as slashes. */
export const normalisePathWin = (text: string): string => normalisePath(text.replaceAll('\\', '/'));
