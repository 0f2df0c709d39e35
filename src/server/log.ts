import pino from 'pino';

/** Levels of `loglevel`. */
export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning' | 'nothing';

const PINO_LEVELS: Record<LogLevel, string> = {
  debug: 'trace',
  verbose: 'debug',
  notice: 'info',
  warning: 'warn',
  nothing: 'silent',
};

/** The server's log. Its lines are JSON in a file or a pipe, and text on a terminal. */
export interface Log {
  debug(message: string): void;
  verbose(message: string): void;
  notice(message: string): void;
  warning(message: string): void;
  setLevel(level: LogLevel): void;
  /** Writes out what is buffered, before the process ends. */
  flush(): void;
}

/** Opens the log: `file` is a path, or empty for standard output. */
export function openLog(level: LogLevel, file: string): Log {
  const onTerminal = file === '' && process.stdout.isTTY === true;
  const destination =
    file === ''
      ? pino.destination({ dest: 1, sync: true })
      : pino.destination({ dest: file, sync: true, mkdir: true });
  const stream = onTerminal
    ? { write: (line: string) => void process.stdout.write(readable(line)) }
    : destination;
  const logger = pino(
    { level: PINO_LEVELS[level], base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    stream,
  );
  return {
    debug: (message) => logger.trace(message),
    verbose: (message) => logger.debug(message),
    notice: (message) => logger.info(message),
    warning: (message) => logger.warn(message),
    setLevel: (to) => {
      logger.level = PINO_LEVELS[to];
    },
    flush: () => destination.flushSync(),
  };
}

const MARKS: Record<number, string> = { 10: '.', 20: '-', 30: '*', 40: '#' };

/** A line for people: time, a mark of the level as Redis uses them, the message. */
function readable(line: string): string {
  const { time, level, msg } = JSON.parse(line) as { time: string; level: number; msg: string };
  return `${time.slice(0, 19).replace('T', ' ')} ${MARKS[level] ?? '#'} ${msg}\n`;
}
