// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";

/* Entra, as far as a federated token is exchanged. */
export async function start_entra(token) {
  const http = createServer((request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ access_token: token(), token_type: "Bearer", expires_in: 3600 }));
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}`, stop: () => new Promise((resolve) => { http.closeAllConnections(); http.close(resolve); }) };
}
