/** A city with its coordinates in degrees and its country (ISO 3166-1 alpha-2). */
export interface City {
  readonly city: string;
  readonly country: string;
  readonly lat: number;
  readonly lon: number;
}

const at = (city: string, country: string, lat: number, lon: number): City => ({ city, country, lat, lon });

const PARIS = at('Paris', 'FR', 48.8566, 2.3522);
const BERLIN = at('Berlin', 'DE', 52.52, 13.405);
const MADRID = at('Madrid', 'ES', 40.4168, -3.7038);
const MILAN = at('Milan', 'IT', 45.4642, 9.19);

/**
 * Where the company can sit: its head office, a second office that a fast train reaches, a third city further down
 * the line, and a flight within the day. Minutes are what the trip takes from door to door at its quickest.
 */
export interface Region {
  readonly office: City;
  readonly branch: City;
  /** Near enough to be a train ride. */
  readonly train: { readonly to: City; readonly minutes: number };
  /** More than 500 km, and still a train ride: 215 to 260 km/h. */
  readonly longTrain: { readonly to: City; readonly minutes: number };
  readonly flight: { readonly to: City; readonly minutes: number };
}

export const REGIONS: readonly Region[] = [
  {
    office: PARIS,
    branch: at('Lille', 'FR', 50.6292, 3.0573),
    train: { to: at('Lyon', 'FR', 45.764, 4.8357), minutes: 117 },
    longTrain: { to: at('Marseille', 'FR', 43.2965, 5.3698), minutes: 188 },
    flight: { to: at('Cairo', 'EG', 30.0444, 31.2357), minutes: 330 },
  },
  {
    office: BERLIN,
    branch: at('Leipzig', 'DE', 51.3397, 12.3731),
    train: { to: at('Hamburg', 'DE', 53.5511, 9.9937), minutes: 104 },
    longTrain: { to: at('Munich', 'DE', 48.1351, 11.582), minutes: 236 },
    flight: { to: at('Tel Aviv', 'IL', 32.0853, 34.7818), minutes: 300 },
  },
  {
    office: MADRID,
    branch: at('Toledo', 'ES', 39.8628, -4.0273),
    train: { to: at('Seville', 'ES', 37.3891, -5.9845), minutes: 150 },
    longTrain: { to: at('Barcelona', 'ES', 41.3874, 2.1686), minutes: 151 },
    flight: { to: at('Stockholm', 'SE', 59.3293, 18.0686), minutes: 290 },
  },
  {
    office: MILAN,
    branch: at('Turin', 'IT', 45.0703, 7.6869),
    train: { to: at('Bologna', 'IT', 44.4949, 11.3426), minutes: 65 },
    longTrain: { to: at('Naples', 'IT', 40.8518, 14.2681), minutes: 270 },
    flight: { to: at('Lisbon', 'PT', 38.7223, -9.1393), minutes: 210 },
  },
];

/** From here nobody reaches an office in Europe within the hour. */
export const FAR_CITIES: readonly City[] = [
  at('Singapore', 'SG', 1.3521, 103.8198),
  at('São Paulo', 'BR', -23.5505, -46.6333),
  at('Jakarta', 'ID', -6.2088, 106.8456),
  at('Johannesburg', 'ZA', -26.2041, 28.0473),
  at('Vancouver', 'CA', 49.2827, -123.1207),
  at('Manila', 'PH', 14.5995, 120.9842),
  at('Lagos', 'NG', 6.5244, 3.3792),
];

/** Where the company's VPN comes out: far enough from every office to look like a journey. */
export const EGRESS_CITIES: readonly City[] = [
  at('Ashburn', 'US', 39.0438, -77.4874),
  at('Reykjavik', 'IS', 64.1466, -21.9426),
  at('Helsinki', 'FI', 60.1699, 24.9384),
];

/** A point within about 8 km of the city: homes and mobile cells are not all in its centre. */
export function near(place: City, random: { integer(least: number, most: number): number }): City {
  const shift = (): number => random.integer(-70, 70) / 1000;
  return { ...place, lat: round(place.lat + shift()), lon: round(place.lon + shift()) };
}

/** Four digits after the point: eleven metres, more than such coordinates are good for. */
function round(degrees: number): number {
  return Math.round(degrees * 10_000) / 10_000;
}
