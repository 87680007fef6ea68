import type { UploadPartCommand, PutObjectCommand } from '@aws-sdk/client-s3';

/** The little of a command that is changed: the two commands' own types of it have no common call. */
interface Stack {
  add(
    middleware: (next: (args: Passed) => Promise<never>) => (args: Passed) => Promise<never>,
    options: { readonly step: 'build'; readonly name: string },
  ): void;
}
interface Passed {
  readonly request: unknown;
}

/**
 * Tells the signer what it would work out from the body, which is known already: a part would be hashed once more otherwise, all at once
 * and in this thread.
 * @param sha256 of the body, hexadecimal
 */
export function withPayloadDigest<Request extends PutObjectCommand | UploadPartCommand>(
  command: Request,
  sha256: string,
): Request {
  const stack = command.middlewareStack as unknown as Stack;
  stack.add(
    (next) => (args) => {
      const { request } = args;
      if (typeof request === 'object' && request !== null && 'headers' in request)
        Object.assign(request.headers ?? {}, { 'x-amz-content-sha256': sha256 });
      return next(args);
    },
    { step: 'build', name: 'payloadDigest' },
  );
  return command;
}
