/** This program's version. */
export const VERSION = '0.1.0';
/** The version of Redis whose behaviour clients may expect: what INFO and HELLO tell them. */
export const REDIS_VERSION = '8.4.0';
