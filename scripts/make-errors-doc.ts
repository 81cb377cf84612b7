/** Prints docs/errors.md from the catalogue and the HTTP status map. */

import { status as grpcCodes } from '@grpc/grpc-js';
import type { ErrorCode } from '../src/errors.ts';
import { errorCatalogue } from '../src/errors.ts';
import { statusOfKind as grpcStatusOfKind } from '../src/grpc/status.ts';
import { statusOfKind } from '../src/http/error-answer.ts';

const rows = (Object.keys(errorCatalogue) as ErrorCode[]).map((code) => {
  const entry: { kind: keyof typeof statusOfKind; retryable?: true } = errorCatalogue[code];
  return `| \`${code}\` | ${entry.kind} | ${statusOfKind[entry.kind]} | ${grpcCodes[grpcStatusOfKind[entry.kind]]} | ${entry.retryable ? 'yes' : ''} |`;
});

console.log(`# Errors

Every error that a client or a user sees has a code of this list; codes are stable. Over HTTP:

\`\`\`
{"success": false, "error": "<what was wrong, where, what was expected, what to do>", "code": "<CODE>"}
\`\`\`

Over gRPC the message is the status' text, and the trailing metadata \`modelship-code\` has the code.

On the command line the message and the code go to standard error, and the exit code says whose turn it is: 2 the command
line, the settings or a model.yaml, 3 the model, 4 the picture, 5 the port, 1 something unexpected.

A retryable error may not come back with the same request; 429 carries \`Retry-After\`.

| code | kind | HTTP | gRPC | retryable |
|---|---|---|---|---|
${rows.join('\n')}`);
