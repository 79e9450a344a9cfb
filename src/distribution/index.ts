export { type ChannelClient, createChannelClient } from './channel-client.ts';
export { createChannelServer, type RolePeer } from './channel-server.ts';
export { ensureJoinToken, joinTokenFile } from './join-token.ts';
export { readLastGood, writeLastGood } from './last-good.ts';
