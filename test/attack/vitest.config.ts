import { defineConfig } from 'vitest/config';

// Attackers written by others, which take their time: `npm run test:attack`.
export default defineConfig({ test: { include: ['test/attack/**/*.test.ts'], pool: 'forks', hookTimeout: 60_000 } });
