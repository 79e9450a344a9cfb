export { type ChannelClient, createChannelClient } from './channel-client.ts';
export { joinTokenFile } from './join-token.ts';
export { readLastGood, writeLastGood } from './last-good.ts';
