/** Runs in workerd, as a worker of Cloudflare's: the scenario that a request asks for. */

import { type Errand, reportOn } from './errand';

export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json(await reportOn((await request.json()) as Errand));
  },
};
