/**
 * What the manifest's language has words for and this version does not do. Each is refused by name: nothing that a
 * person asks for is parsed and then ignored.
 */
export const unavailable = {
  detections: 'detection rules are not in this version; remove `detections`',
  'services.secrets': 'only the mount `secret` is in this version; write `secret/<path>#<field>`',
} as const;

/** A key of the manifest that is refused as not available. */
export type UnavailableKey = keyof typeof unavailable;
