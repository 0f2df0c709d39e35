import { type Listener, listenAtOnce } from './connection.ts';

/** The listeners of one port, on each address of `bind`. They are there together or not at all. */
export class TcpPort {
  /** The port that the listeners have, 0 if there are none. */
  boundPort = 0;
  listeners: readonly Listener[] = [];
  /** The directives that the listeners were made from. */
  #port = 0;
  #bind: readonly string[] = [];
  /** False while they are closed since others could not be had in their place. */
  #isOpen = true;
  readonly #make: () => Listener;

  /** `make` makes a listener that does not listen yet. */
  constructor(make: () => Listener) {
    this.#make = make;
  }

  /** Listens on a port of all of these addresses, 0 for one that the system chooses; or, with an Error for people, on none. */
  listen(port: number, bind: readonly string[], backlog: number): void {
    this.#listen(port, port, bind, backlog);
  }

  /**
   * Puts a changed port or `bind` into force, where port 0 is none; false if it is in force already. Where that can't be had
   * throws an Error for people, and listens nowhere until it is called with what can.
   */
  move(port: number, bind: readonly string[], backlog: number): boolean {
    const isSamePort = port === this.#port;
    if (isSamePort && this.#isOpen && bind.join(' ') === this.#bind.join(' ')) return false;
    if (isSamePort && port === 0 && this.boundPort === 0) return false;
    this.close();
    // A port that the system chose stays until another is asked for.
    const wanted = isSamePort && this.boundPort !== 0 ? this.boundPort : port;
    this.#isOpen = false;
    this.#listen(port, wanted, wanted === 0 ? [] : bind, backlog);
    return true;
  }

  close(): void {
    for (const listener of this.listeners) listener.close();
    this.listeners = [];
  }

  #listen(port: number, wanted: number, bind: readonly string[], backlog: number): void {
    const listeners: Listener[] = [];
    const failures: string[] = [];
    let boundPort = wanted;
    for (const word of bind) {
      const isOptional = word.startsWith('-');
      const host = hostOf(isOptional ? word.slice(1) : word);
      const listener = this.#make();
      try {
        // The same port for all addresses, also where the first was given one by the system.
        listenAtOnce(listener, { host, port: boundPort, backlog });
      } catch (error) {
        const { message, code = '' } = error as NodeJS.ErrnoException;
        if (!isOptional || !['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(code))
          failures.push(`${host}:${wanted}: ${message}`);
        continue;
      }
      listeners.push(listener);
      boundPort = (listener.address() as { port: number }).port;
    }
    if (failures.length > 0) {
      for (const listener of listeners) listener.close();
      throw new Error(`Failed listening on port ${wanted}, aborting: ${failures.join('; ')}`);
    }
    this.listeners = listeners;
    this.boundPort = listeners.length === 0 ? 0 : boundPort;
    this.#port = port;
    this.#bind = bind;
    this.#isOpen = true;
  }
}

/** The host that a word of `bind` stands for. */
export function hostOf(word: string): string {
  if (word === '*') return '0.0.0.0';
  return word === '::*' ? '::' : word;
}

/** Whether a peer is on this machine; one that has no address is on a Unix socket. */
export function isLoopback(peer: string | undefined): boolean {
  return peer === undefined || peer === '::1' || peer.startsWith('127.') || peer.startsWith('::ffff:127.');
}
