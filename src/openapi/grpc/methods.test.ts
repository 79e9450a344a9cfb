import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasCode } from '../../core/errors.ts';
import { compileGrpc, readGrpcMethods } from './methods.ts';

const field = (number: number, value: Buffer | string | number): Buffer => {
  if (typeof value === 'number') return Buffer.from([number << 3, value]);
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
};
const method = (name: string, ...flags: Buffer[]) =>
  field(2, Buffer.concat([field(1, name), field(2, '.shop.Request'), ...flags]));
const service = (name: string, ...methods: Buffer[]) => field(6, Buffer.concat([field(1, name), ...methods]));
const file = (name: string, ...services: Buffer[]) =>
  field(1, Buffer.concat([field(1, 'a.proto'), field(2, name), ...services, field(12, 'proto3')]));

const descriptors = Buffer.concat([
  file('shop.v1', service('Orders', method('Get'), method('Watch', field(6, 1)), method('Upload', field(5, 1)))),
  field(1, Buffer.concat([field(1, 'b.proto'), service('Bare', method('Do'))])),
]);

describe('gRPC methods', () => {
  it('are read from descriptors', () => {
    expect(readGrpcMethods(descriptors)).toEqual([
      { path: '/shop.v1.Orders/Get', clientStreaming: false, serverStreaming: false },
      { path: '/shop.v1.Orders/Watch', clientStreaming: false, serverStreaming: true },
      { path: '/shop.v1.Orders/Upload', clientStreaming: true, serverStreaming: false },
      { path: '/Bare/Do', clientStreaming: false, serverStreaming: false },
    ]);
  });

  it('are the only ones let in', () => {
    const check = compileGrpc(readGrpcMethods(descriptors));
    expect(check('POST', '/shop.v1.Orders/Get', 'application/grpc')).toBeUndefined();
    expect(check('POST', '/shop.v1.Orders/Get', 'application/grpc+proto')).toBeUndefined();
    expect(check('POST', '/shop.v1.Orders/Delete', 'application/grpc')?.status).toBe(404);
    expect(check('POST', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', 'application/grpc')?.status).toBe(
      404,
    );
    expect(check('GET', '/shop.v1.Orders/Get', 'application/grpc')?.status).toBe(405);
    expect(check('POST', '/shop.v1.Orders/Get', 'application/json')?.status).toBe(415);
  });

  it('are refused where the descriptors are broken, and by no other error', () => {
    for (const bytes of [
      descriptors.subarray(0, -3),
      Buffer.from([0x0a, 0xff]),
      Buffer.from([0xff]),
      Buffer.from([0x0b]),
      Buffer.alloc(20, 0xff),
      Buffer.from([0x08, 1]),
    ]) {
      expect(() => readGrpcMethods(bytes)).toThrow(/not a set of/);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          readGrpcMethods(bytes);
        } catch (error) {
          expect(hasCode(error, 'openapi.grpc-descriptor')).toBe(true);
        }
      }),
    );
  });
});
