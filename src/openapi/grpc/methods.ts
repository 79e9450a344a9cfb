// Which gRPC methods there are, from the descriptors that `protoc --descriptor_set_out` writes. Only the fields that name
// services and methods are read (google/protobuf/descriptor.proto); everything else is skipped by its length.
import type { GrpcMethod } from '../../api/openapi.ts';
import type { Denial } from '../../api/record.ts';
import { MerlonError } from '../../core/errors.ts';
import type { DenialCode } from '../errors.ts';
import { type DenialFacts, deny } from '../validate/deny.ts';

const maxMethods = 10_000;

/** The methods in a `FileDescriptorSet`. Throws `openapi.grpc-descriptor`. */
export function readGrpcMethods(descriptors: Uint8Array): readonly GrpcMethod[] {
  const methods: GrpcMethod[] = [];
  for (const file of messagesOf(descriptors, 1)) {
    const fields = readFields(file);
    const name = textOf(fields, 2);
    for (const service of fields.get(6) ?? [])
      methods.push(...methodsOf(bytesOf(service), name === '' ? '' : `${name}.`));
    if (methods.length > maxMethods) throw malformed();
  }
  return methods;
}

function methodsOf(service: Uint8Array, prefix: string): GrpcMethod[] {
  const fields = readFields(service);
  const serviceName = textOf(fields, 1);
  return (fields.get(2) ?? []).map((bytes) => {
    const method = readFields(bytesOf(bytes));
    return {
      path: `/${prefix}${serviceName}/${textOf(method, 1)}`,
      clientStreaming: method.get(5)?.at(-1) === 1,
      serverStreaming: method.get(6)?.at(-1) === 1,
    };
  });
}

type FieldValue = number | Uint8Array;

function messagesOf(bytes: Uint8Array, field: number): Uint8Array[] {
  return (readFields(bytes).get(field) ?? []).map(bytesOf);
}

function bytesOf(value: FieldValue): Uint8Array {
  if (typeof value === 'number') throw malformed();
  return value;
}

function textOf(fields: ReadonlyMap<number, readonly FieldValue[]>, field: number): string {
  const value = fields.get(field)?.at(-1);
  return value === undefined ? '' : Buffer.from(bytesOf(value)).toString('utf8');
}

/** The fields of one message in the wire format of protocol buffers. */
function readFields(bytes: Uint8Array): ReadonlyMap<number, readonly FieldValue[]> {
  const fields = new Map<number, FieldValue[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw malformed();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw malformed();
  };
  const slice = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw malformed();
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const value = readValue(tag % 8, varint, slice);
    const number = Math.floor(tag / 8);
    const known = fields.get(number);
    if (known === undefined) fields.set(number, [value]);
    else known.push(value);
  }
  return fields;
}

function readValue(wireType: number, varint: () => number, slice: (length: number) => Uint8Array): FieldValue {
  switch (wireType) {
    case 0:
      return varint();
    case 1:
      return slice(8);
    case 2:
      return slice(varint());
    case 5:
      return slice(4);
    default:
      throw malformed();
  }
}

function malformed(): MerlonError {
  return new MerlonError({
    code: 'openapi.grpc-descriptor',
    message: 'the file is not a set of protocol buffer descriptors',
    hint: 'make it with `protoc --include_imports --descriptor_set_out=…`',
  });
}

/** Checks one request to a gRPC service. */
export type CheckGrpc = (method: string, path: string, contentType: string | undefined) => Denial | undefined;

/** Lets in the calls of `methods` and nothing else: no reflection, no health check, unless they are among them. Undefined: any call. */
export function compileGrpc(methods: readonly GrpcMethod[] | undefined): CheckGrpc {
  const paths = methods && new Set(methods.map(({ path }) => path));
  return (method, path, contentType) => {
    if (paths?.has(path) === false)
      return refuse(404, 'openapi.grpc-undeclared', 'the service has no such method', {
        claim: 'path',
        fix: 'call a method that its descriptors declare',
      });
    if (method !== 'POST')
      return refuse(405, 'openapi.grpc-undeclared', 'a gRPC call must be a POST', {
        claim: 'method',
        fix: 'call it with a gRPC client',
      });
    // gRPC over HTTP/2: "application/grpc" [("+proto" / "+json" / {custom})]
    const isGrpc = contentType !== undefined && /^application\/grpc(?:\+[a-z0-9.-]{1,40})?$/.test(contentType);
    return isGrpc
      ? undefined
      : refuse(415, 'openapi.media-type', 'a gRPC call must be of type application/grpc', {
          claim: 'header content-type',
          fix: 'call it with a gRPC client',
        });
  };
}

function refuse(status: number, code: DenialCode, message: string, facts: DenialFacts): Denial {
  const { reason } = deny(status, undefined, code, message, facts);
  return { status, reason: { ...reason, filter: 'grpc' } };
}
