import type { HttpServer, HttpServerOptions } from './server-options.ts';

/** An HTTP/1.1 server. */
export declare function createHttpServer(options: HttpServerOptions): HttpServer;
