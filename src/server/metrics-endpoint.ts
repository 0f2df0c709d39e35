import http from 'node:http';

/** What is asked of the server. */
export interface MetricsHost {
  /** Metrics in the text format of Prometheus, with their content type. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Why commands can't be served as they should be at present, or null. */
  unreadiness(): string | null;
}

const TEXT = 'text/plain; charset=utf-8';
const CONNECTIONS_MAX = 64;

/**
 * HTTP for those who watch the server: `/metrics`, `/healthz`, which answers as long as the process does its work, and
 * `/readyz`, which refuses while data is loaded and while the tier can't be written. The listener does not listen yet.
 */
export function makeMetricsListener(host: MetricsHost): http.Server {
  const listener = http.createServer((request, response) => {
    const send = (status: number, text: string, contentType = TEXT) => {
      response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? '' : text);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      send(405, 'Method not allowed\n');
      return;
    }
    const [path] = (request.url ?? '/').split('?', 1);
    switch (path) {
      case '/metrics':
        host.metrics().then(
          ({ text, contentType }) => send(200, text, contentType),
          (error) => send(500, `${String(error)}\n`),
        );
        break;
      case '/healthz':
        send(200, 'ok\n');
        break;
      case '/readyz': {
        const reason = host.unreadiness();
        send(reason === null ? 200 : 503, `${reason ?? 'ok'}\n`);
        break;
      }
      case '/':
        send(200, '/metrics\n/healthz\n/readyz\n');
        break;
      default:
        send(404, 'Not found\n');
    }
  });
  listener.maxConnections = CONNECTIONS_MAX;
  return listener;
}
