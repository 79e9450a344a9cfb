// A gRPC service as a process: for platforms that run it themselves.
import { startEchoService } from './grpc-service.ts';

await startEchoService({}, Number(process.env.PORT));
