// SPDX-License-Identifier: Apache-2.0
/* The in-memory Cosmos DB account of cosmos.mjs as a program: prints its address, and ends with standard input. */
import { createHttpServer } from "@vercel/cosmosdb-server";

const server = createHttpServer({ keepAlive: true }).listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
process.stdin.resume().on("end", () => process.exit(0));
