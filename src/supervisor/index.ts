export { type Child, type ChildPlan, startChild } from './child.ts';
export { type HealthTarget, probeHealth, waitUntilHealthy } from './health.ts';
export { createLogStream, type LogStream } from './log-stream.ts';
export { createProcessNotes, endStaleProcesses, findLiveSupervisor, type ProcessNotes } from './stale.ts';
