import type { FailureLimit } from '../../api/failure-limit.ts';
import type { ApiServer } from '../../api/server.ts';
import type { Services } from '../../api/services.ts';
import type { Reach } from '../../api/session-cookie.ts';
import { answerInWords } from './answer-in-words.ts';
import { answerLinkRoutes } from './answer-link.routes.ts';
import { approvalPageRoutes } from './approval-pages.routes.ts';
import { accountRoutes } from './account.routes.ts';
import { acceptForms } from './form-bodies.ts';
import { portalRoutes } from './portal.routes.ts';
import { signInRoutes } from './sign-in.routes.ts';
import { singleSignOnRoutes } from './single-sign-on.routes.ts';

export interface PageOptions {
  readonly services: Services;
  readonly failures: FailureLimit;
  readonly reach: Reach;
}

/** All pages, with forms as the only bodies they take. */
export async function pageRoutes(app: ApiServer, options: PageOptions): Promise<void> {
  await app.register(async (scope: ApiServer) => {
    acceptForms(scope);
    answerInWords(scope, options.reach);
    signInRoutes(scope, options);
    singleSignOnRoutes(scope, options);
    accountRoutes(scope, options);
    approvalPageRoutes(scope, options);
    answerLinkRoutes(scope, options);
    portalRoutes(scope, options);
  });
}
