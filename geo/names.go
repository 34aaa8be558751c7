package geo

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// otherNames are names of cities that the gazetteer has under another one,
// both folded: former names, and those of other languages that fleets use.
var otherNames = map[string]string{
	"bangalore": "bengaluru", "bombay": "mumbai", "calcutta": "kolkata", "madras": "chennai", "poona": "pune",
	"gurgaon": "gurugram", "mysore": "mysuru", "newdelhi": "delhi", "delhi": "newdelhi", "trivandrum": "thiruvananthapuram",
	"kiev": "kyiv", "kharkov": "kharkiv", "lvov": "lviv", "odessa": "odesa", "dnipropetrovsk": "dnipro",
	"saigon": "hochiminhcity", "rangoon": "yangon", "peking": "beijing", "canton": "guangzhou", "macao": "macau",
	"astana": "nursultan", "almaata": "almaty", "tiflis": "tbilisi", "constantinople": "istanbul",
	"cologne": "koln", "nuremberg": "nurnberg", "hanover": "hannover", "muenchen": "munich", "munchen": "munich",
	"koeln": "koln", "nuernberg": "nurnberg", "duesseldorf": "dusseldorf", "zuerich": "zurich", "brunswick": "braunschweig",
	"gothenburg": "goteborg", "denhaag": "thehague", "geneva": "geneve", "genf": "geneve", "lucerne": "luzern", "basle": "basel",
	"wien": "vienna", "praha": "prague", "warszawa": "warsaw", "cracow": "krakow", "bucuresti": "bucharest",
	"beograd": "belgrade", "sofija": "sofia", "athina": "athens", "thessalonica": "thessaloniki",
	"roma": "rome", "milano": "milan", "torino": "turin", "napoli": "naples", "firenze": "florence", "venezia": "venice", "genova": "genoa",
	"lisboa": "lisbon", "seville": "sevilla", "saragossa": "zaragoza", "corunna": "acoruna",
	"bruxelles": "brussels", "brussel": "brussels", "antwerpen": "antwerp", "gent": "ghent", "kobenhavn": "copenhagen",
	"moskva": "moscow", "sanktpeterburg": "saintpetersburg", "petersburg": "saintpetersburg",
	"washingtondc": "washington", "nyc": "newyorkcity", "sanfran": "sanfrancisco", "la": "losangeles", "saltlake": "saltlakecity",
	"ciudaddemexico": "mexicocity", "cdmx": "mexicocity", "ciudaddepanama": "panama", "habana": "havana", "lahabana": "havana",
	"alqahirah": "cairo", "telavivyafo": "telaviv", "makkah": "mecca", "jeddah": "jeddah",
	"kl": "kualalumpur", "jogjakarta": "yogyakarta", "krungthep": "bangkok",
	"luxembourgcity": "luxembourg", "kuwait": "kuwaitcity", "guatemala": "guatemalacity",
}

// otherCountries are other names of countries, folded.
var otherCountries = map[string]string{
	"usa": "US", "unitedstatesofamerica": "US", "america": "US", "uk": "GB", "greatbritain": "GB", "england": "GB",
	"scotland": "GB", "wales": "GB", "northernireland": "GB", "czechrepublic": "CZ", "turkey": "TR", "korea": "KR",
	"republicofkorea": "KR", "russianfederation": "RU", "hongkong": "HK", "macau": "MO", "macao": "MO", "holland": "NL",
	"thenetherlands": "NL", "uae": "AE", "macedonia": "MK", "burma": "MM", "myanmar": "MM", "ivorycoast": "CI",
	"capeverde": "CV", "swaziland": "SZ", "bosnia": "BA", "vietnam": "VN", "palestine": "PS", "congo": "CG", "drcongo": "CD",
	"mainlandchina": "CN", "roc": "TW", "brunei": "BN", "moldova": "MD", "laos": "LA", "syria": "SY", "iran": "IR",
	"tanzania": "TZ", "bolivia": "BO", "venezuela": "VE", "slovakrepublic": "SK", "brasil": "BR", "deutschland": "DE",
}

// latin spells the letters that Unicode does not take apart into a base letter
// and an accent.
var latin = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i", "ə", "a")

// Fold removes what people leave out or vary in a name: case, accents, spaces,
// punctuation.
func Fold(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(name, " ")) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return latin.Replace(b.String())
}
