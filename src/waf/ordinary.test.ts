import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { compileWaf } from './index.ts';

// What people write into a free field, and no attack: the built-in rules refuse none of it.

const route = compileWaf({}, new ManualClock()).route({ mode: 'block', paranoia: 1 });

const ordinary: readonly string[] = [
  'Please select the blue one from the union of both sets, where available.',
  'Choose "insert" or "update" from the menu, and then \'apply\'.',
  "It's either tea or coffee; I don't mind which.",
  "We had to drop the table off at my parents' house and order by phone.",
  "The workers' union and the employers' association met on 3 May.",
  'She said "yes" and he said "no" - or was it the other way round?',
  "Where is the key? It's under the mat, or in the shed; Tom's got the other.",
  'Values between 10 and 20, or like 15, are fine.',
  'Having limits is good; having none is not.',
  "Rock 'n' roll, R&B, and 80's pop.",
  'Delete my account and update the invoice, please.',
  'Grant access to Ben, and revoke mine.',
  'The exec team will execute the merge on Monday at 9; call me.',
  "O'Neill & Sons -- est. 1923",
  'Order #1234: 2 x "Large" = 5 boxes',
  'Is 1 = 1? Of course it is.',
  'The option is called default="-" in the manual.',
  'To set the colour: open the menu; set the hue; save.',
  'In the old "users" table, names were longer than 40 characters.',
  'if (count === 3) { total = sum(items); } else { total = 0; }',
  "const label = item['name'] ?? 'none';",
  "def end(self, element):\n    assert self.stack.pop() == element\n    self.write('</%s>' % element)",
  'for (let i = 0; i < rows.length; i += 1) print(rows[i]);',
  'my ($self, $from) = @_;\nreturn $from unless $self;',
  "styles = { 'title': '#ABB2BF', 'text': '#000000' }",
  'time.sleep(5)  # the server needs a moment',
  'Type `ls -l` in the folder, then `cat notes.txt` to read it.',
  'First run `npm install`; then `node main.ts` starts the server.',
  'gcc $(pkg-config --cflags glib-2.0) main.c -o main',
  'The line belongs into the configuration of the server (/etc/ssh/sshd_config).',
  'Then open http://localhost:3000/ in a browser to see the page.',
  'My development server is at https://localhost:8443 and it works.',
  'See https://example.com/a/b?c=d&e=f#g for details.',
  'https://shop.example/search?q=green+tea&sort=price&page=2',
  'ftp mirrors: see https://ftp.example.org/pub/',
  'git commit -m "Fix the build" && git push',
  'tar xzf file.tar.gz -C folder --strip-components=1',
  '$ tool list --format=json --filter="project:(sandbox)"',
  'tool list [--filter=EXPRESSION] [--limit=LIMIT] [--sort-by=[FIELD,...]]',
  "12 King's Road, flat #4; second floor",
  "Rue d'Alésia 14, 75014 Paris",
  'Union Street 5, Select Court, Aberdeen',
  "Coeur d'Alene, ID 83814",
  "L'Aquila (AQ), Via Roma 3/4",
  "Siobhán Ní Dhomhnaill-O'Connor",
  "D'Angelo, Zoë (née N'Diaye)",
  'Łukasz Żółć; Çağla Öztürk; Søren Ærø',
  'Ольга Иванова, ул. Ленина 7',
  'Δημήτρης Παπαδόπουλος',
  '山田 美咲、桜通り 1-2-3',
  'محمد الفارسي',
  'Null, Christopher',
  'EUR 12,50 / USD 13.49 (-10 %)',
  '3 for 2: £4.99; save 33%!',
  '50% off & free delivery on orders > $20',
  'I <3 this shop :-) 10/10',
  'a < b and b > c, so a <> c',
  'x=1; y=2; z=x+y',
  '2026-01-31T12:00:00+01:00',
  'The function() call returns nothing. See the end() function. It is new.',
  'C<undef> means that the value is not set; L<Some::Module> tells more.',
  '-----------\nSed 4.8\n-----------\nBash is free software.',
  'Size: 6\' 2", weight: 80 kg',
  "5 o'clock -- or half past 5",
  'Run `node main.ts` and open http://localhost:3000/ in a browser.',
  'To see whether it is up, `curl http://localhost:3000/health`, which says so.',
  'What the manual calls default="-", and the page at http://localhost:8080/ are new.',
  '../../configure --prefix=/usr with what else the folder above has for a build of this kind, and then make it.',
];

const attempt = (text: string) =>
  route.examine({
    method: 'POST',
    uri: '/orders',
    protocol: 'HTTP/1.1',
    headers: [
      ['Host', 'shop.example'],
      ['User-Agent', 'test'],
      ['Content-Type', 'application/json'],
    ],
    remoteAddress: '192.0.2.1',
    id: 'x',
    body: Buffer.from(JSON.stringify({ note: text })),
  });

describe('an ordinary text', () => {
  test.each(ordinary)('passes: %s', (text) => {
    const { denial, matches } = attempt(text);
    expect(denial, matches.map(({ id }) => id).join()).toBeUndefined();
  });

  // Padding does not hide an attack, and signs of three different kinds are enough.
  test.each([
    "We are looking for something nice' or 1=1-- ",
    "We are looking for something nice' union select name, password from users where 'a'='a",
    "We are looking for something nice'; drop table orders",
    'We are looking for something nice" and sleep(5) and "a"="a',
    'We like <!-- `this` -->, what the manual calls default="-", and http://localhost:8080/admin is open.',
  ])('with an attack in it does not: %s', (text) => {
    expect(attempt(text).denial?.status).toBe(403);
  });
});
