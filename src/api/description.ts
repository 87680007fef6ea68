import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify, { type FastifyInstance, type RouteOptions } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { OPERATIONS } from '../pipeline/access/operations.ts';
import { NAMED_SCHEMAS } from './schemas.ts';
import type { RouteOperation } from './server.ts';

/**
 * A server of its own for the API's description (OpenAPI 3.1): `/docs/json`, `/docs/yaml`, and the pages at `/docs`. It
 * has the same routes, and answers none of them. Nobody connects to it: requests are handed to it.
 */
export async function describingServer(version: string, routes: readonly RouteOptions[]): Promise<FastifyInstance> {
  const server = fastify();
  // Nothing is checked here.
  server.setValidatorCompiler(() => () => true);
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  const schemaRegistry = z.registry<{ id?: string | undefined }>();
  for (const [id, schema] of NAMED_SCHEMAS) schemaRegistry.add(schema, { id });
  const transform = createJsonSchemaTransform({ schemaRegistry });
  await server.register(swagger, {
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
  for (const { method, url, schema, config } of routes) {
    server.route({
      method,
      url,
      ...(schema === undefined ? {} : { schema }),
      ...(config === undefined ? {} : { config }),
      exposeHeadRoute: false,
      handler: () => undefined,
    });
  }
  await server.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  await server.ready();
  return server;
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
