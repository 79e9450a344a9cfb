/** A value while it is put together: members that may be missing are set one by one, without a copy for each. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };
