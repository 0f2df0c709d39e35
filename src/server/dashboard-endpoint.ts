import http from 'node:http';
import { join } from 'node:path';
import { readBytes } from '../base/files.ts';

/** A name and password in bytes of one character each, as HTTP's Basic authentication gives them. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** Who asks. */
export interface Visitor {
  /** Peer and own address as `host:port`. */
  readonly address: string;
  readonly localAddress: string;
  readonly peer: string | undefined;
  /** What the request calls the server (`Host`), without the port. */
  readonly host: string;
  /** Null if none were given. */
  readonly credentials: Credentials | null;
}

/** What is asked of the server; the figures of one who was let in. */
export interface DashboardHost {
  /** The figures as the visitor may see them, or the status and text to refuse with. */
  admit(
    visitor: Visitor,
  ): { readonly figures: () => object } | { readonly status: 401 | 403; readonly text: string };
}

const CONNECTIONS_MAX = 64;
/** Where the page is, in the sources and in what is built from them. */
const FOLDER = join(import.meta.dirname, '..', 'dashboard');
const FILES: Readonly<Record<string, readonly [file: string, contentType: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/script.js': ['script.js', 'text/javascript; charset=utf-8'],
  '/charts.js': ['charts.js', 'text/javascript; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
};
const FIGURES = '/figures.json';

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/**
 * HTTP for the page that shows what the server does: its files, and `/figures.json`, from which it gets what it shows. All of
 * it is for those only whom the host admits, by HTTP's Basic authentication (RFC 7617). The listener does not listen yet.
 */
export function makeDashboardListener(host: DashboardHost): http.Server {
  const listener = http.createServer((request, response) => {
    const send = (status: number, body: string | Buffer, contentType = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { ...HEADERS, 'content-type': contentType });
      response.end(body);
    };
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET');
      send(405, 'Method not allowed\n');
      return;
    }
    try {
      const admission = host.admit(visitorOf(request));
      if ('status' in admission) {
        if (admission.status === 401)
          response.setHeader('www-authenticate', 'Basic realm="Thermocline", charset="UTF-8"');
        send(admission.status, `${admission.text}\n`);
        return;
      }
      const [path] = (request.url ?? '/').split('?', 1);
      const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
      if (path === FIGURES) send(200, JSON.stringify(admission.figures()), 'application/json');
      else if (file !== undefined) send(200, readBytes(join(FOLDER, file[0])), file[1]);
      else send(404, 'Not found\n');
    } catch (error) {
      send(500, `${String(error)}\n`);
    }
  });
  listener.maxConnections = CONNECTIONS_MAX;
  return listener;
}

function visitorOf({ socket, headers }: http.IncomingMessage): Visitor {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return {
    address: `${remoteAddress}:${remotePort}`,
    localAddress: `${localAddress}:${localPort}`,
    peer: remoteAddress,
    host: (headers.host ?? '').replace(/:\d*$/, '').toLowerCase(),
    credentials: credentialsIn(headers.authorization),
  };
}

/** What an `Authorization` header holds; null if there is none of the Basic kind. */
function credentialsIn(header: string | undefined): Credentials | null {
  const match = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header ?? '');
  if (match === null) return null;
  const text = Buffer.from(match[1], 'base64').toString('latin1');
  const colon = text.indexOf(':');
  return colon < 0 ? null : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
