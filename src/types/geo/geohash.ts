/**
 * Places as 52 bits, which a score holds: 26 of the latitude and 26 of the longitude, one by one in turn (geohash.c,
 * geohash_helper.c of Redis; the geohash of G. Niemeyer within the limits of Web Mercator).
 */
export const LONGITUDE_MAX = 180;
export const LATITUDE_MAX = 85.05112878;
const STEP_MAX = 26;
const EARTH_RADIUS_METERS = 6372797.560856;
const MERCATOR_MAX = 20037726.37;
const DEGREE = Math.PI / 180;
const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz';

/** A square of the grid whose sides are 2^-step of the ranges: where it is in it. */
export interface Cell {
  readonly step: number;
  readonly longitude: number;
  readonly latitude: number;
}

/** What a cell covers, in degrees. */
interface Area {
  readonly west: number;
  readonly east: number;
  readonly south: number;
  readonly north: number;
}

/** A circle, or a rectangle whose sides are as long as given through its middle; all in meters. */
export type Shape =
  | { readonly longitude: number; readonly latitude: number; readonly radius: number }
  | {
      readonly longitude: number;
      readonly latitude: number;
      readonly width: number;
      readonly height: number;
    };

/** The bits of 13, each followed by a 0. */
function spread(value: number): number {
  let bits = value;
  bits = (bits | (bits << 8)) & 0x00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x33333333;
  return (bits | (bits << 1)) & 0x55555555;
}

function gather(value: number): number {
  let bits = value & 0x55555555;
  bits = (bits | (bits >>> 1)) & 0x33333333;
  bits = (bits | (bits >>> 2)) & 0x0f0f0f0f;
  bits = (bits | (bits >>> 4)) & 0x00ff00ff;
  return (bits | (bits >>> 8)) & 0x0000ffff;
}

const HALF = 0x4000000;

/** The cell's bits as a number of at most 52 bits. */
function bitsOf(cell: Cell): number {
  const low = spread(cell.latitude & 0x1fff) | (spread(cell.longitude & 0x1fff) << 1);
  const high = spread(cell.latitude >>> 13) | (spread(cell.longitude >>> 13) << 1);
  return high * HALF + low;
}

function cellAt(longitude: number, latitude: number, step: number, latitudeMax = LATITUDE_MAX): Cell {
  const size = 2 ** step;
  return {
    step,
    longitude: Math.trunc(((longitude + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)) * size),
    latitude: Math.trunc(((latitude + latitudeMax) / (2 * latitudeMax)) * size),
  };
}

function areaOf(cell: Cell): Area {
  const size = 2 ** cell.step;
  const longitudeAt = (place: number) => -LONGITUDE_MAX + (place / size) * (2 * LONGITUDE_MAX);
  const latitudeAt = (place: number) => -LATITUDE_MAX + (place / size) * (2 * LATITUDE_MAX);
  return {
    west: longitudeAt(cell.longitude),
    east: longitudeAt(cell.longitude + 1),
    south: latitudeAt(cell.latitude),
    north: latitudeAt(cell.latitude + 1),
  };
}

/** Whether a place has a geohash. */
export function isValidPlace(longitude: number, latitude: number): boolean {
  return Math.abs(longitude) <= LONGITUDE_MAX && Math.abs(latitude) <= LATITUDE_MAX;
}

/** The score of a place. */
export function encodePlace(longitude: number, latitude: number): number {
  return bitsOf(cellAt(longitude, latitude, STEP_MAX));
}

/** The middle of what a score stands for, in degrees. */
export function decodePlace(score: number): { readonly longitude: number; readonly latitude: number } {
  const low = score % HALF;
  const high = Math.floor(score / HALF);
  const area = areaOf({
    step: STEP_MAX,
    longitude: gather(low >>> 1) | (gather(high >>> 1) << 13),
    latitude: gather(low) | (gather(high) << 13),
  });
  const within = (value: number, limit: number) => Math.max(-limit, Math.min(limit, value));
  return {
    longitude: within((area.west + area.east) / 2, LONGITUDE_MAX),
    latitude: within((area.south + area.north) / 2, LATITUDE_MAX),
  };
}

/** The standard geohash of eleven characters, the last of which is 0: a score has two bits less than that takes. */
export function geohashText(score: number): string {
  const { longitude, latitude } = decodePlace(score);
  const bits = bitsOf(cellAt(longitude, latitude, STEP_MAX, 90));
  let text = '';
  for (let at = 1; at <= 10; at++) text += ALPHABET[Math.floor(bits / 2 ** (52 - at * 5)) % 32];
  return `${text}0`;
}

function latitudeDistance(from: number, to: number): number {
  return EARTH_RADIUS_METERS * Math.abs(to * DEGREE - from * DEGREE);
}

/** Meters between two places on a sphere (haversine). */
export function distance(
  fromLongitude: number,
  fromLatitude: number,
  toLongitude: number,
  toLatitude: number,
): number {
  const v = Math.sin((toLongitude * DEGREE - fromLongitude * DEGREE) / 2);
  if (v === 0) return latitudeDistance(fromLatitude, toLatitude);
  const from = fromLatitude * DEGREE;
  const to = toLatitude * DEGREE;
  const u = Math.sin((to - from) / 2);
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.sqrt(u * u + Math.cos(from) * Math.cos(to) * v * v));
}

/** Meters from the middle of a shape to a place, or -1 if it is outside. */
export function distanceWithin(shape: Shape, longitude: number, latitude: number): number {
  const meters = distance(shape.longitude, shape.latitude, longitude, latitude);
  if ('radius' in shape) return meters <= shape.radius ? meters : -1;
  if (latitudeDistance(latitude, shape.latitude) > shape.height / 2) return -1;
  return distance(longitude, latitude, shape.longitude, latitude) > shape.width / 2 ? -1 : meters;
}

/** What encloses a shape (geohashBoundingBox). */
function boxOf(shape: Shape): Area {
  const { longitude, latitude } = shape;
  const height = 'radius' in shape ? shape.radius : shape.height / 2;
  const width = 'radius' in shape ? shape.radius : shape.width / 2;
  const latitudeDelta = height / EARTH_RADIUS_METERS / DEGREE;
  const nearPole = latitude < 0 ? latitude - latitudeDelta : latitude + latitudeDelta;
  const longitudeDelta = width / EARTH_RADIUS_METERS / Math.cos(nearPole * DEGREE) / DEGREE;
  return {
    west: longitude - longitudeDelta,
    east: longitude + longitudeDelta,
    south: latitude - latitudeDelta,
    north: latitude + latitudeDelta,
  };
}

/** The step at which nine cells cover a radius (geohashEstimateStepsByRadius). */
function stepFor(radius: number, latitude: number): number {
  if (radius === 0) return STEP_MAX;
  let step = 1;
  for (let range = radius; range < MERCATOR_MAX; range *= 2) step++;
  step -= 2;
  if (Math.abs(latitude) > 66) step -= Math.abs(latitude) > 80 ? 2 : 1;
  return Math.max(1, Math.min(STEP_MAX, step));
}

function neighbour(cell: Cell, east: number, north: number): Cell {
  const mask = 2 ** cell.step - 1;
  return {
    step: cell.step,
    longitude: (cell.longitude + east) & mask,
    latitude: (cell.latitude + north) & mask,
  };
}

/** West to east and south to north, in the order in which Redis searches. */
const AROUND = [
  [0, 0],
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, 1],
  [1, -1],
  [-1, -1],
] as const;

/** Ranges of scores, upper ends excluded, in which all that is within a shape lies, with others (geohashCalculateAreasByShapeWGS84). */
export function searchRanges(shape: Shape): readonly { readonly from: number; readonly to: number }[] {
  const { longitude, latitude } = shape;
  const box = boxOf(shape);
  const radius =
    'radius' in shape ? shape.radius : Math.sqrt((shape.width / 2) ** 2 + (shape.height / 2) ** 2);
  let step = stepFor(radius, latitude);
  let middle = cellAt(longitude, latitude, step);
  const isTooSmall =
    areaOf(neighbour(middle, 0, 1)).north < box.north ||
    areaOf(neighbour(middle, 0, -1)).south > box.south ||
    areaOf(neighbour(middle, 1, 0)).east < box.east ||
    areaOf(neighbour(middle, -1, 0)).west > box.west;
  if (step > 1 && isTooSmall) {
    step--;
    middle = cellAt(longitude, latitude, step);
  }
  const area = areaOf(middle);
  const size = 2 ** (2 * (STEP_MAX - step));
  const ranges: { from: number; to: number }[] = [];
  let last = -1;
  for (const [east, north] of AROUND) {
    if (step >= 2) {
      if (area.south < box.south && north < 0) continue;
      if (area.north > box.north && north > 0) continue;
      if (area.west < box.west && east < 0) continue;
      if (area.east > box.east && east > 0) continue;
    }
    const bits = bitsOf(neighbour(middle, east, north));
    // Where the grid is one or two cells wide, neighbours are the same.
    if (bits === last) continue;
    last = bits;
    ranges.push({ from: bits * size, to: (bits + 1) * size });
  }
  return ranges;
}
