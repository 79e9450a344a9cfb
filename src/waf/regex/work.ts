/**
 * What the machines have done since the process began, in steps: bytes read by an automaton, places followed while one of its
 * states is built, threads that Pike's machine moves, attempts of the backtracker. Counted by the text or the state, so
 * that counting costs nothing; tests hold it against the length of what was read.
 */
export const work = { steps: 0 };
