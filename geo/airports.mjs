// Makes airports.tsv: the codes by which carriers name the cities of their
// routers, with coordinates. The list below says which; the coordinates are
// those of the first code's airport in the npm package iata-location, which has
// them from OurAirports (https://ourairports.com, public domain). Run by go
// generate; needs node and npm.
//
// Only cities where networks meet are listed: of 9,000 codes most are air
// strips whose letters mean something else in a router's name ("gig" is the
// airport of Rio, and Gigabit Ethernet, so that it is left out). Codes behind
// the slash are no airports': codes of a city with several, and those that large
// carriers use instead.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const version = "1.0.1";
const list = `
jfk lga ewr / nyc nyk = New York; iad dca / was wdc ash = Washington; bwi = Baltimore; bos = Boston; phl = Philadelphia; pit = Pittsburgh
ord mdw / chi chg = Chicago; dtw / det = Detroit; cle = Cleveland; cmh = Columbus; cvg = Cincinnati; ind = Indianapolis; stl = St. Louis; mci = Kansas City
msp / min = Minneapolis; mke = Milwaukee; oma = Omaha; atl = Atlanta; clt = Charlotte; rdu = Raleigh; ric = Richmond; bna = Nashville; mem = Memphis; jax = Jacksonville
mia = Miami; tpa = Tampa; mco = Orlando; msy = New Orleans; dfw dal = Dallas; iah hou = Houston; aus = Austin; sat = San Antonio; okc = Oklahoma City
den = Denver; slc = Salt Lake City; phx = Phoenix; abq = Albuquerque; las = Las Vegas; lax = Los Angeles; san = San Diego; sjc / sjo = San Jose; sfo = San Francisco; oak = Oakland; smf / sac = Sacramento
pdx = Portland; sea = Seattle; hnl = Honolulu; anc = Anchorage; buf = Buffalo; alb = Albany
yyz / yto tor = Toronto; yul / ymq mtl = Montreal; yvr / van = Vancouver; yyc = Calgary; yeg = Edmonton; ywg = Winnipeg; yow = Ottawa; yhz = Halifax
mex = Mexico City; mty = Monterrey; gdl = Guadalajara; qro = Querétaro; pty = Panama City; sju = San Juan; bog = Bogotá; mde = Medellín; ccs = Caracas; uio = Quito; lim = Lima; scl = Santiago; eze aep / bue = Buenos Aires; mvd = Montevideo; asu = Asunción
gru / sao = São Paulo; sdu / rio = Rio de Janeiro; bsb = Brasília; poa = Porto Alegre; cwb = Curitiba; for = Fortaleza; ssa = Salvador; rec = Recife
lhr lgw stn lcy / lon ldn = London; man = Manchester; bhx = Birmingham; edi = Edinburgh; gla = Glasgow; dub = Dublin; lba = Leeds
cdg ory / par prs = Paris; lys / lyo = Lyon; mrs = Marseille; nce = Nice; tls = Toulouse; bod = Bordeaux; sxb = Strasbourg; lil = Lille
ams / adm = Amsterdam; rtm = Rotterdam; bru = Brussels; anr = Antwerp; lux = Luxembourg
fra / ffm = Frankfurt; ber txl = Berlin; ham / hbg = Hamburg; muc = Munich; dus = Düsseldorf; cgn = Cologne; str = Stuttgart; nue = Nuremberg; haj = Hanover; lej = Leipzig
zrh = Zurich; gva = Geneva; bsl = Basel; vie / wien = Vienna; prg / pra = Prague; bts = Bratislava; bud = Budapest; waw = Warsaw; krk = Kraków; poz = Poznań; wro = Wrocław; gdn = Gdańsk
mxp lin / mil = Milan; fco cia / rom = Rome; trn = Turin; bgy = Bergamo; pmo = Palermo; nap = Naples; vce = Venice; blq = Bologna
mad = Madrid; bcn = Barcelona; vlc = Valencia; svq = Seville; bio = Bilbao; lis = Lisbon; opo = Porto
cph / kbn = Copenhagen; arn bma / sto sth = Stockholm; got = Gothenburg; mmx = Malmö; osl = Oslo; bgo = Bergen; hel = Helsinki; kef rkv = Reykjavík; tll = Tallinn; rix = Riga; vno = Vilnius
svo dme vko / mow msk = Moscow; led / spb = Saint Petersburg; svx = Yekaterinburg; ovb = Novosibirsk; vvo = Vladivostok; kbp iev = Kyiv; msq = Minsk; rmo / kiv = Chișinău; otp / buh = Bucharest; sof = Sofia; beg = Belgrade; zag = Zagreb; lju = Ljubljana; skp = Skopje; sjj = Sarajevo
ath = Athens; skg = Thessaloniki; ist saw = Istanbul; esb / ank = Ankara; adb = Izmir; lca = Larnaca; mla = Malta; tlv = Tel Aviv; amm = Amman; bey = Beirut; cai = Cairo; tun = Tunis; alg = Algiers; cmn / cas = Casablanca
dxb = Dubai; auh = Abu Dhabi; fjr = Fujairah; doh = Doha; bah = Bahrain; kwi = Kuwait City; ruh = Riyadh; jed = Jeddah; mct = Muscat; bgw = Baghdad; ika thr = Tehran; tbs = Tbilisi; evn = Yerevan; gyd bak = Baku; ala = Almaty; tas = Tashkent
jnb = Johannesburg; cpt = Cape Town; dur = Durban; nbo = Nairobi; mba = Mombasa; los = Lagos; acc = Accra; dkr dss = Dakar; abj = Abidjan; lad = Luanda; mpm = Maputo; dar = Dar es Salaam; ebb = Entebbe; kgl = Kigali; add = Addis Ababa; jib = Djibouti; mru = Mauritius; run = Réunion
del = Delhi; bom = Mumbai; maa = Chennai; blr = Bangalore; hyd = Hyderabad; ccu = Kolkata; pnq = Pune; cok = Kochi; khi = Karachi; lhe = Lahore; isb = Islamabad; cmb = Colombo; dac = Dhaka; ktm = Kathmandu
sin / sng = Singapore; kul = Kuala Lumpur; bkk dmk = Bangkok; cgk / jkt = Jakarta; mnl = Manila; ceb = Cebu; han = Hanoi; sgn = Ho Chi Minh City; pnh = Phnom Penh; rgn = Yangon; gum = Guam
hkg = Hong Kong; mfm = Macau; tpe tsa = Taipei; pek pkx / bjs = Beijing; pvg / sha = Shanghai; can = Guangzhou; szx = Shenzhen; ctu = Chengdu; icn gmp / sel = Seoul; pus = Busan
nrt hnd / tyo tok = Tokyo; kix itm / osa = Osaka; ngo = Nagoya; fuk = Fukuoka; cts / spk = Sapporo
syd = Sydney; mel = Melbourne; bne = Brisbane; per = Perth; adl = Adelaide; cbr = Canberra; drw = Darwin; akl = Auckland; wlg = Wellington; chc = Christchurch; suv = Suva; ppt = Papeete; nou = Nouméa
`;

const folder = mkdtempSync(join(tmpdir(), "airports-"));
let lines;
try {
  execFileSync("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--no-save", `iata-location@${version}`], { stdio: ["ignore", "ignore", "inherit"] });
  const load = createRequire(join(folder, "index.js"));
  lines = list.split(/[;\n]/).map((line) => line.trim()).filter(Boolean).map((line) => {
    const [codes, name] = line.split("=").map((s) => s.trim());
    const all = codes.split(/[\s/]+/);
    const [first] = all;
    const a = load(join(folder, "node_modules/iata-location/dist/data", ...first.toUpperCase(), "index.js"))[first.toUpperCase()];
    const degrees = (d) => String(Math.round(Number(d) * 1e4) / 1e4);
    return [all.join(" "), name, a.iso_country, degrees(a.latitude_deg), degrees(a.longitude_deg)].join("\t");
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
writeFileSync(new URL("airports.tsv", import.meta.url), lines.join("\n") + "\n");
console.log(`${lines.length} cities`);
