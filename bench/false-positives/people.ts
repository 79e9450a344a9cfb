// People and things, made up from lists of our own and from the names of places that Debian has: records whose fields a schema
// would confine where it can.
import { readFileSync } from 'node:fs';
import { type Dice, pick, roll } from './dice.ts';

export type Fields = Readonly<Record<string, string | number>>;

const given =
  `Anna Łukasz Zoë Søren Nguyễn Siobhán François İbrahim Ольга Δημήτρης 美咲 Ahmed D'Angelo Mary-Jane José Ngozi Drew Ike
De'Andre محمد Þórunn Ľubica Xóchitl Ŵyn Sinéad Renée Jürgen Or And Selma Björk 위 Shaʼi Nʼko Chloë`.split(/\s+/);
const family = [
  ...`O'Brien Müller Çelik Иванова 山田 Nwosu N'Diaye Kovačević Al-Farsi Drop Null Union D'Souza O'Neill-Wood Ñuñez Grant Where
  M'Bala L'Hôpital Sh'eikh Table Case Like Order Key True Van't Ångström Ďurčo Žižek Ştefan Script Sleep Curl Cat Sed`.split(
    /\s+/,
  ),
  'García López',
  'van der Berg',
  "van 't Hoff",
  "in 't Veld",
  'Smith & Sons',
  'Ó Súilleabháin',
  'de la Cruz y Ortega',
  'Martin (Jr.)',
  'Smith; Jones',
  'Doe, John',
];
const streets = [
  'High Street',
  'rue de l’Église',
  "Rue d'Alésia",
  'Königstraße',
  'Calle Mayor',
  'ул. Ленина',
  '桜通り',
  'Via Roma',
  "St. Mary's Lane",
  'Plaza de España',
  'Å-vej',
  'Union Street',
  'Select Court',
  "Queen's Drive",
  "Av. 25 d'Abril",
  'Al. Jerozolimskie',
  "Piazza dell'Orologio",
  '5th & Main',
  'Bldg. #4, East Gate',
  'Camp Road = B 471',
];
const companies = [
  'Cat & Dog GmbH',
  'A/S Søfart',
  'Bed; Bath; More',
  'Wget Travel Ltd.',
  'Sleep (Nordic) AB',
  "Lord & Taylor's",
  '"Roma" S.p.A.',
  'Select * Furniture',
  '3 < 4 Design',
  'Yes/No Studio',
  'C# Music -- Est. 1923',
  "Ben's 24/7 Kiosk",
];
const countries = 'AT BR CA CZ DE ES FR GB GR IE IT JP MX NG PL PT RU SE TR US'.split(' ');
const colours = ['#1e90ff', 'rgb(30, 144, 255)', 'hsl(210deg 100% 56%)', 'sky blue', 'blue/green', 'var(--accent)'];
const sites = [
  'https://shop.example/search?q=green+tea&sort=price&page=2',
  'https://example.org/~anna/index.html#top',
  'http://www.example.com/a/b.php?id=12&lang=de',
  'https://user.example.net/@anna/113?ref=a;b',
  'www.example.cz',
  'https://maps.example.com/?ll=48.1,11.5&z=12',
  'https://example.com/wiki/Select_(SQL)',
];
const sizes = [
  '6\' 2"',
  '10 x 20 x 30 cm',
  '3/4"',
  '5½ (EU 38)',
  '100%',
  '1=1 scale',
  "12' container",
  'L|XL',
  '< 5 kg',
  'M&L',
];

interface Place {
  readonly name: string;
  readonly code: string;
}

/** Districts of all countries in their own spelling, as far as they are installed; else a few of ours. */
function readPlaces(): readonly Place[] {
  try {
    const file = '/usr/share/iso-codes/json/iso_3166-2.json';
    return (JSON.parse(readFileSync(file, 'utf8')) as { '3166-2': readonly Place[] })['3166-2'];
  } catch {
    const names = ['São Paulo', 'Köln', "L'Aquila", 'Санкт-Петербург', '東京', "Coeur d'Alene", "King's Lynn"];
    return names.map((name, at) => ({ name, code: `XX-${at}` }));
  }
}

const places = readPlaces();
const digits = (dice: Dice, count: number): string => Array.from({ length: count }, () => roll(dice, 10)).join('');
const ofAlphabet = (dice: Dice, alphabet: string, count: number): string =>
  Array.from({ length: count }, () => alphabet[roll(dice, alphabet.length)]).join('');
const hex = (dice: Dice, count: number): string => ofAlphabet(dice, '0123456789abcdef', count);
const capitals = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

export const uuid = (dice: Dice): string =>
  `${hex(dice, 8)}-${hex(dice, 4)}-4${hex(dice, 3)}-a${hex(dice, 3)}-${hex(dice, 12)}`;
export const date = (dice: Dice): string =>
  `${1940 + roll(dice, 80)}-${String(1 + roll(dice, 12)).padStart(2, '0')}-${String(1 + roll(dice, 28)).padStart(2, '0')}`;

/** `additional`: of the fields that are not always there. */
const sometimes = (dice: Dice, field: string, value: string): Fields => (roll(dice, 3) === 0 ? { [field]: value } : {});

export function customer(dice: Dice): Fields {
  const place = pick(dice, places);
  const number = 1 + roll(dice, 400);
  const street = pick(dice, streets);
  return {
    id: uuid(dice),
    name:
      roll(dice, 4) === 0
        ? `${pick(dice, family)}, ${pick(dice, given)}`
        : `${pick(dice, given)} ${pick(dice, family)}`,
    ...sometimes(dice, 'company', pick(dice, companies)),
    street: pick(dice, [
      `${number} ${street}`,
      `${street} ${number}/${roll(dice, 30)}`,
      `c/o ${pick(dice, family)} - ${street} ${number}; flat #${roll(dice, 30)}`,
      `${street} ${number}\n${roll(dice, 9)}. floor (left)`,
    ]),
    town: place.name,
    ...(/^[A-Z]{2}-[A-Z0-9]{1,3}$/.test(place.code) ? { region: place.code } : {}),
    postcode: pick(dice, [
      digits(dice, 5),
      `${ofAlphabet(dice, capitals, 2)}${digits(dice, 2)}-${digits(dice, 1)}AB`,
      `${digits(dice, 3)}-${digits(dice, 4)}`,
    ]),
    country: pick(dice, countries),
    phone: `+${1 + roll(dice, 98)}-${digits(dice, 3)}-${digits(dice, 7)}`,
    born: date(dice),
    email: `${pick(dice, ['anna.b', 'j_doe+shop', 'o.neill', 'drop-table', 'select.all', 'x'])}@${pick(dice, ['example.org', 'mail.example.co.uk'])}`,
  };
}

export function item(dice: Dice): Fields {
  return {
    sku: `${ofAlphabet(dice, capitals, 2 + roll(dice, 3))}-${digits(dice, 2 + roll(dice, 5))}${pick(dice, ['', '-red', '-select-all', '-or-blue'])}`,
    version: `${roll(dice, 30)}.${roll(dice, 20)}.${roll(dice, 9)}${pick(dice, ['', '-rc.1', '-alpha'])}`,
    quantity: roll(dice, 99_999),
    price: roll(dice, 99_999) / 100,
    added: `${date(dice)}T${String(roll(dice, 24)).padStart(2, '0')}:00:00Z`,
    owner: uuid(dice),
    colour: pick(dice, colours),
    token: ofAlphabet(dice, `${capitals}${capitals.toLowerCase()}0123456789_-`, 16 + roll(dice, 100)),
    address: Array.from({ length: 6 }, () => hex(dice, 2)).join(':'),
    site: pick(dice, sites),
    ...sometimes(dice, 'size', pick(dice, sizes)),
  };
}
