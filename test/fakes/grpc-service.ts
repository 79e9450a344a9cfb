// A real gRPC server and client of another's making, to speak through the gateway and the mesh.
import { join } from 'node:path';
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';

export interface Words {
  readonly text: string;
  readonly times?: number;
  readonly blob?: Buffer | undefined;
}

const definition = loadSync(join(import.meta.dirname, 'echo.proto'), { defaults: true });
export const echo = definition['echo.v1.Echo'] as unknown as ServiceDefinition;
export const hidden = definition['echo.v1.Hidden'] as unknown as ServiceDefinition;

/** A descriptor set as `protoc` writes it. */
export function descriptorSet(): Buffer {
  const [file] = (definition['echo.v1.Words'] as MessageTypeDefinition<object, object>).fileDescriptorProtos;
  const bytes = file as Buffer;
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), bytes]);
}

/** What a call looked like to the service. */
export interface Heard {
  readonly method: string;
  readonly metadata: Metadata;
  /** ms that the service sees left of the deadline. */
  readonly leftMs: number;
}

export interface EchoService {
  readonly port: number;
  readonly heard: Heard[];
  /** Calls that their caller gave up. */
  readonly cancelled: string[];
  stop(): void;
}

type Done = sendUnaryData<Words>;

/** Starts a server of grpc-js. What it is told to do stands in the text: `fail 5 nothing here`, `hang`, `trailers only`. */
export async function startEchoService(options: ChannelOptions = {}, port = 0): Promise<EchoService> {
  const heard: Heard[] = [];
  const cancelled: string[] = [];
  const server = new Server({ 'grpc.max_receive_message_length': -1, ...options });
  const note = (
    method: string,
    call: { metadata: Metadata; getDeadline(): Date | number; on(event: 'cancelled', listener: () => void): unknown },
  ): void => {
    heard.push({ method, metadata: call.metadata, leftMs: Number(call.getDeadline()) - Date.now() });
    call.on('cancelled', () => cancelled.push(method));
  };
  server.addService(echo, {
    Say: (call: ServerUnaryCall<Words, Words>, done: Done) => {
      note('Say', call);
      const failure = /^fail (\d+) (.*)$/.exec(call.request.text);
      const trailers = new Metadata();
      trailers.set('x-sum', '7');
      if (failure !== null)
        return done({ code: Number(failure[1]), details: failure[2] as string, metadata: trailers });
      if (call.request.text === 'hang') return;
      const head = new Metadata();
      head.set('x-head', 'yes');
      call.sendMetadata(head);
      done(null, call.request, trailers);
    },
    Repeat: async (call: ServerWritableStream<Words, Words>) => {
      note('Repeat', call);
      const { text, times = 0, blob } = call.request;
      for (let turn = 0; turn < times && !call.cancelled; turn++)
        if (!call.write({ text, times: turn, blob })) await Promise.race([drained(call), closed(call)]);
      if (text === 'break') call.emit('error', { code: 10, details: 'broken off' });
      else if (text !== 'hang') call.end();
    },
    Gather: (call: ServerReadableStream<Words, Words>, done: Done) => {
      note('Gather', call);
      let times = 0;
      let bytes = 0;
      call.on('data', ({ blob }: Words) => {
        times++;
        bytes += blob?.length ?? 0;
      });
      call.on('error', () => undefined);
      call.on('end', () => done(null, { text: `${bytes} bytes`, times }));
    },
    Talk: (call: ServerDuplexStream<Words, Words>) => {
      note('Talk', call);
      call.on('data', (words: Words) => call.write(words));
      call.on('error', () => undefined);
      call.on('end', () => call.end());
    },
  });
  server.addService(hidden, {
    Tell: (call: ServerUnaryCall<Words, Words>, done: Done) => {
      note('Tell', call);
      done(null, { text: 'secret' });
    },
  });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, at) =>
      error === null ? resolve(at) : reject(error),
    );
  });
  return { port: bound, heard, cancelled, stop: () => server.forceShutdown() };
}

const drained = (call: ServerWritableStream<Words, Words>): Promise<void> =>
  new Promise((resolve) => call.once('drain', resolve));
const closed = (call: ServerWritableStream<Words, Words>): Promise<void> =>
  new Promise((resolve) => call.once('cancelled', resolve));

/** What came of a unary call. */
export interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly reply: Words | undefined;
  readonly head: Metadata;
  readonly trailers: Metadata;
}

/** A client of grpc-js, by method name. */
export class EchoClient extends Client {
  constructor(
    address: string,
    channel: ChannelCredentials = credentials.createInsecure(),
    options: ChannelOptions = {},
  ) {
    super(address, channel, { 'grpc.max_receive_message_length': -1, 'grpc.use_local_subchannel_pool': 1, ...options });
  }

  /** A unary call; never rejects. */
  say(
    words: Words,
    { metadata = new Metadata(), deadlineMs = 10_000, method = methodOf('Say') } = {},
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      let head = new Metadata();
      let error: ServiceError | null = null;
      let reply: Words | undefined;
      const call = this.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        words,
        metadata,
        { deadline: Date.now() + deadlineMs },
        (failure, value) => {
          error = failure;
          reply = value;
        },
      );
      call.on('metadata', (fields) => {
        head = fields;
      });
      call.on('status', ({ code, details, metadata: trailers }) =>
        setImmediate(() => resolve({ code, details: error?.details ?? details, reply, head, trailers })),
      );
    });
  }

  repeat(words: Words, metadata = new Metadata(), deadlineMs = 60_000) {
    const { path, requestSerialize, responseDeserialize } = methodOf('Repeat');
    const options = { deadline: Date.now() + deadlineMs };
    return this.makeServerStreamRequest(path, requestSerialize, responseDeserialize, words, metadata, options);
  }

  gather(done: (error: ServiceError | null, reply?: Words) => void, metadata = new Metadata()) {
    const { path, requestSerialize, responseDeserialize } = methodOf('Gather');
    return this.makeClientStreamRequest(path, requestSerialize, responseDeserialize, metadata, done);
  }

  talk(metadata = new Metadata()) {
    const { path, requestSerialize, responseDeserialize } = methodOf('Talk');
    return this.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
  }
}

/** A method of the services above. */
export function methodOf(name: string): MethodDefinition<Words, Words> {
  return (echo[name] ?? hidden[name]) as MethodDefinition<Words, Words>;
}
