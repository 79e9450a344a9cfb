/** Each C comment becomes one space, an unclosed one too. */
export function replaceComments(text: string): string {
  let open = text.indexOf('/*');
  if (open < 0) return text;
  let out = '';
  let from = 0;
  while (open >= 0) {
    out += `${text.slice(from, open)} `;
    const close = text.indexOf('*/', open + 2);
    if (close < 0) return out;
    from = close + 2;
    open = text.indexOf('/*', from);
  }
  return out + text.slice(from);
}

/** Removes the characters that open or close a comment: C, HTML, SQL, shell. */
export const removeCommentsChar = (text: string): string => text.replace(/\/\*|\*\/|<!--|-->|--|#/g, '');

/**
 * Removes comments. The byte after a closed comment is taken as it is, NUL standing for the end: so the published
 * engines do, and rules may rely on it.
 */
export function removeComments(text: string): string {
  let out = '';
  let close = '';
  for (let at = 0; at < text.length; at += 1) {
    if (close !== '') {
      if (!text.startsWith(close, at)) continue;
      at += close.length;
      out += at < text.length ? text.charAt(at) : '\0';
      close = '';
    } else if (text.startsWith('/*', at)) {
      close = '*/';
      at += 1;
    } else if (text.startsWith('<!--', at)) {
      close = '-->';
      at += 3;
    } else if (text.startsWith('--', at) || text.charAt(at) === '#') {
      return `${out} `;
    } else out += text.charAt(at);
  }
  return close === '' ? out : `${out} `;
}
