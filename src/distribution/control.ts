// Control's end of the channel: what the data plane need not load.
export { createChannelServer, type RolePeer } from './channel-server.ts';
export { ensureJoinToken } from './join-token.ts';
