const maxShown = 64;

/**
 * A value with its shape only: letters as `x`, digits as `9`, bytes above ASCII as `?`; punctuation, which made a rule fire,
 * stays. At most 64 characters.
 */
export function mask(value: string): string {
  const shape = value
    .slice(0, maxShown)
    .replace(/[A-Za-z]/g, 'x')
    .replace(/[0-9]/g, '9')
    .replace(/[\x00-\x1f\x7f]/g, ' ')
    .replace(/[\x80-\xff]/g, '?');
  return value.length > maxShown ? `${shape}… (${value.length} bytes)` : shape;
}
