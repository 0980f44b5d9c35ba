// An engine in a worker thread; see engine.test.mjs.
import { parentPort } from 'node:worker_threads';

import { open } from 'redstart';

const db = await open();
parentPort.postMessage(await db.command('INCR', 'n'));
