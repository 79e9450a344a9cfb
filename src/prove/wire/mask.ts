const longestShown = 1200;

/**
 * Bytes as a reader sees them: control bytes as escapes, tokens without what makes them usable. Of a signed token header
 * and claims stay, since the trick is there; its signature goes.
 */
export function showBytes(bytes: Buffer | string): string {
  const whole = typeof bytes === 'string' ? bytes : bytes.toString('utf8');
  const shown = maskSecrets(whole.slice(0, 8 * longestShown))
    .replace(/\r\n/g, '\n')
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return shown.length > longestShown ? `${shown.slice(0, longestShown)}\n... (${whole.length} bytes in all)` : shown;
}

/** Takes out what would open something. */
export function maskSecrets(text: string): string {
  return text
    .replace(
      /\b(eyJ[\w-]{0,8000})\.([\w-]{1,8000})\.([\w-]{0,8000})/g,
      (_, header: string, claims: string, signature: string) =>
        [decode(header), decode(claims), signature === '' ? '(no signature)' : '(signature)'].join(' . '),
    )
    .replace(/(authorization: (?:Bearer|Basic) )(?!\{)\S{1,8000}/gi, '$1***')
    .replace(/(x-vault-token: )(?!\{)\S{1,8000}/gi, '$1***');
}

/** A part of a token as its JSON, where it is that. */
function decode(part: string): string {
  const text = Buffer.from(part, 'base64url').toString('utf8');
  return text.startsWith('{') && text.endsWith('}') ? text : `${part.slice(0, 24)}...`;
}
