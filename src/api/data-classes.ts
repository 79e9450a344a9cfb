/** Classes of data that no cache may keep. */
export const sensitiveData: ReadonlySet<string> = new Set(['pii', 'payment', 'health', 'credentials']);
