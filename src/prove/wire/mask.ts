const longestShown = 1200;

/**
 * Bytes as a reader sees them: control bytes as escapes, tokens without what makes them usable. Of a signed token header
 * and claims stay, since the trick is there; its signature goes.
 */
export function showBytes(bytes: Buffer | string): string {
  const text = typeof bytes === 'string' ? bytes : bytes.toString('utf8');
  const masked = maskSecrets(text.length > longestShown * 8 ? `${text.slice(0, longestShown * 8)}` : text);
  const shown = masked
    .replace(/\r\n/g, '\n')
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return shown.length > longestShown ? `${shown.slice(0, longestShown)}\n... (${text.length} bytes)` : shown;
}

/** Takes out what would open something. */
export function maskSecrets(text: string): string {
  return text
    .replace(/(\beyJ[\w-]{0,8000}\.[\w-]{0,8000}\.)[\w-]{1,2000}/g, '$1***')
    .replace(/(authorization: (?:Bearer|Basic) )(?!eyJ)\S{9,8000}/gi, '$1***')
    .replace(/(x-vault-token: )(?!eyJ)\S{9,8000}/gi, '$1***');
}
