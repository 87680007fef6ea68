import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { OPERATIONS } from '../pipeline/access/operations.ts';
import { NAMED_SCHEMAS } from './schemas.ts';
import type { ApiServer, RouteOperation } from './server.ts';

/**
 * Serves the API's description (OpenAPI 3.1) at `/docs/json` and `/docs/yaml`, made from the schemas that also
 * check requests, and pages to read it at `/docs`.
 */
export async function describeApi(app: ApiServer, version: string): Promise<void> {
  const schemaRegistry = z.registry<{ id?: string | undefined }>();
  for (const [id, schema] of NAMED_SCHEMAS) schemaRegistry.add(schema, { id });
  const transform = createJsonSchemaTransform({ schemaRegistry });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Firebreak',
        version,
        description: 'Incident response inside limits that people set. Failures are problem documents: see `/errors`.',
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'fbk_…' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
    },
    transform(document) {
      const { schema, url } = transform(document);
      const { operation } = document.route.config ?? {};
      if (operation === undefined || schema.hide === true) return { schema, url };
      return { schema: { ...schema, ...accessOf(operation) }, url };
    },
    transformObject: createJsonSchemaTransformObject({ schemaRegistry }),
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
}

function accessOf(operation: RouteOperation): { description?: string; security: Record<string, string[]>[] } {
  if (operation === 'public') return { security: [] };
  const { says, roles, humanOnly } = OPERATIONS[operation];
  const people = humanOnly ? ', people only' : '';
  return {
    description: `Needs \`${operation}\` (${says}): ${roles.join(', ')}${people}.`,
    security: [{ bearer: [] }, { apiKey: [] }],
  };
}
