package fiction

import (
	"time"

	"github.com/claimshare/claimshare/client/document"
)

// region is a market: how people are called there, where they live, what they
// drive and what things cost.
type region struct {
	key, country, currency string
	share                  int // policyholders of a hundred
	mail                   string
	odometer               string // unit
	winter                 int    // hours ahead of UTC; one more from April to October
	summer                 bool

	given, family []string
	familyFirst   bool
	cities        []city
	plate         string // pattern; %s is the city's own prefix
	licence       string // pattern of a driving licence
	identity      string // pattern of a national identity number
	models        []model

	labour     [2]int // per hour, minor units
	price      int    // parts: minor units per euro
	repairTax  string
	repairRate int64
	taxLabour  bool // or parts and materials alone
	premiumTax string
	premRate   int64
	covers     []cover
	branches   [4]document.Address // insurer 1, insurer 2, shop 1, shop 2
	workers    []string
}

type city struct {
	name, region, postal, plate string
	streets                     []string
}

// cover is a coverage as a market sells it. Limit 0 stands for the vehicle's
// value; odds is how many of a hundred buy it.
type cover struct {
	kind        string
	limits      []int64 // major units
	deductibles []int64
	premium     int // major units; with limit 0, per mille of the value
	odds        int
}

// zone returns the region's time zone on a day. The change is set to the first
// of April and of November: near enough, and it needs no time zone database.
func (r *region) zone(day time.Time) *time.Location {
	hours := r.winter
	if r.summer && day.Month() >= time.April && day.Month() <= time.October {
		hours++
	}
	return time.FixedZone("", hours*3600)
}

// clock is a time of the day in the region, RFC 3339.
func (r *region) clock(day time.Time, minute int) string {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, minute, 0, 0, r.zone(day)).Format(time.RFC3339)
}

var regions = []*region{unitedStates, germany, france, china, canada}

var unitedStates = &region{
	key: "us", country: "US", currency: "USD", share: 30, mail: "example.com", odometer: "mi", winter: -5, summer: true,
	given:  []string{"Avery", "Brandon", "Caroline", "Darnell", "Elena", "Frank", "Grace", "Hector", "Imani", "Jeffrey", "Kayla", "Lamar", "Melissa", "Nathan", "Olivia", "Patrick", "Renee", "Samuel", "Tanya", "Victor", "Whitney", "Xavier", "Yolanda", "Marcus", "Denise", "Curtis", "Holly", "Russell"},
	family: []string{"Abbott", "Barrett", "Calloway", "Delgado", "Ellison", "Fletcher", "Granger", "Holloway", "Ingram", "Jessup", "Kirkland", "Lawson", "Mercer", "Norwood", "Ortega", "Prescott", "Quinn", "Ramsey", "Sheffield", "Thornton", "Underhill", "Vance", "Whitfield", "Yates", "Okafor", "Nguyen", "Castillo", "Becker"},
	cities: []city{
		{"Columbus", "OH", "432##", "", []string{"Linden Park Rd", "Maple Hollow Dr", "Old Canal St", "Fairgrove Ave"}},
		{"Toledo", "OH", "436##", "", []string{"Harbor View Ave", "Cherry Mill Ln", "Pine Hollow Rd"}},
		{"Cincinnati", "OH", "452##", "", []string{"Brookcrest Ter", "Stonegate Dr", "Ferry Hill Rd"}},
		{"Dayton", "OH", "454##", "", []string{"Wrightwood Ct", "Orchard Bend Rd", "Birch Run Dr"}},
	},
	plate: "@@@ ####", licence: "S@######", identity: "OH-@@######",
	models: []model{
		{"Toyota", "Camry", "4T1B11HK?*U######", sedan, 27000},
		{"Honda", "CR-V", "2HKRW2H8?*H######", suv, 31000},
		{"Ford", "F-150", "1FTEW1EP?*K######", pickup, 44000},
		{"Chevrolet", "Equinox", "2GNAXKEV?*6######", suv, 28500},
		{"Tesla", "Model 3", "5YJ3E1EA?*F######", sedan, 41000},
		{"Nissan", "Rogue", "5N1AT2MV?*C######", suv, 28000},
		{"Jeep", "Grand Cherokee", "1C4RJFBG?*C######", suv, 42000},
		{"Subaru", "Outback", "4S4BTACC?*3######", suv, 31500},
		{"Hyundai", "Elantra", "5NPD84LF?*H######", sedan, 21500},
		{"Honda", "Civic", "19XFC2F6?*E######", sedan, 24000},
	},
	labour: [2]int{5800, 7400}, price: 108, repairTax: "Sales tax", repairRate: 725,
	covers: []cover{
		{"liability-injury", []int64{100000, 300000, 500000}, []int64{0}, 412, 100},
		{"liability-property", []int64{50000, 100000}, []int64{0}, 236, 100},
		{"uninsured-motorist", []int64{100000, 300000}, []int64{0}, 94, 90},
		{"collision", nil, []int64{500, 750, 1000}, 19, 88},
		{"comprehensive", nil, []int64{250, 500}, 8, 90},
		{"medical-payments", []int64{5000, 10000}, []int64{0}, 38, 60},
		{"rental", []int64{1200}, []int64{0}, 34, 45},
		{"roadside-assistance", []int64{300}, []int64{0}, 18, 50},
	},
	branches: [4]document.Address{
		{Street: "400 Founders Plaza", City: "Columbus", Region: "OH", PostalCode: "43215", Country: "US"},
		{Street: "2100 Lakeshore Blvd", City: "Cleveland", Region: "OH", PostalCode: "44114", Country: "US"},
		{Street: "1875 Foundry St", City: "Columbus", Region: "OH", PostalCode: "43201", Country: "US"},
		{Street: "66 Riverside Works", City: "Toledo", Region: "OH", PostalCode: "43604", Country: "US"},
	},
	workers: []string{"Dwight Palmer", "Rosa Medina", "Earl Jennings", "Tim Kowalski"},
}

var germany = &region{
	key: "de", country: "DE", currency: "EUR", share: 24, mail: "example.org", odometer: "km", winter: 1, summer: true,
	given:  []string{"Anja", "Bernd", "Claudia", "Dieter", "Emine", "Florian", "Greta", "Holger", "Ilse", "Jonas", "Katrin", "Lukas", "Maren", "Nils", "Oskar", "Petra", "Ralf", "Sabine", "Thorsten", "Ute", "Viktor", "Wiebke", "Yasemin", "Matthias"},
	family: []string{"Albrecht", "Brandt", "Conrad", "Dittmar", "Ebert", "Falkner", "Gerlach", "Hartwig", "Jansen", "Kaltenbach", "Lindemann", "Möller", "Nowak", "Oltmanns", "Petersen", "Reinhardt", "Schreiber", "Thiele", "Ulrich", "Vogt", "Wenzel", "Yılmaz", "Zander", "Krüger"},
	cities: []city{
		{"Köln", "", "50###", "K", []string{"Lindenweg", "Am Alten Hafen", "Kastanienallee", "Mühlengasse"}},
		{"Bonn", "", "531##", "BN", []string{"Gartenstraße", "Am Weinberg", "Schillerweg"}},
		{"Dortmund", "", "441##", "DO", []string{"Hüttenstraße", "Zechenweg", "Westfalenring"}},
		{"Münster", "", "481##", "MS", []string{"Promenadenweg", "Am Krug", "Heideweg"}},
	},
	plate: "%s-@@ ###", licence: "B#########", identity: "L@#######",
	models: []model{
		{"Volkswagen", "Golf", "WVWZZZCDZ*W######", hatch, 29000},
		{"Volkswagen", "Passat", "WVWZZZ3CZ*E######", sedan, 40000},
		{"BMW", "320d", "WBA5V710#*F######", sedan, 47000},
		{"Mercedes-Benz", "C 200", "W1K2050041R######", sedan, 46000},
		{"Audi", "A4", "WAUZZZF4Z*A######", sedan, 44000},
		{"Opel", "Corsa", "W0VUP68E#*4######", hatch, 20500},
		{"Škoda", "Octavia", "TMBJG7NX#*0######", hatch, 31000},
		{"Tesla", "Model Y", "XP7YGCEE#*B######", suv, 46000},
		{"Ford", "Kuga", "WF0FXXWPM*#######", suv, 36000},
	},
	labour: [2]int{11200, 14800}, price: 100, repairTax: "Mehrwertsteuer", repairRate: 1900, taxLabour: true,
	premiumTax: "Versicherungsteuer", premRate: 1900,
	covers: []cover{
		{"liability-injury", []int64{15000000}, []int64{0}, 214, 100},
		{"liability-property", []int64{100000000}, []int64{0}, 121, 100},
		{"comprehensive", nil, []int64{150}, 3, 92},
		{"collision", nil, []int64{300, 500}, 10, 78},
		{"roadside-assistance", []int64{1500}, []int64{0}, 12, 70},
		{"legal-expenses", []int64{300000}, []int64{150}, 68, 25},
	},
	branches: [4]document.Address{
		{Street: "Rheinufer 12", City: "Köln", PostalCode: "50668", Country: "DE"},
		{Street: "Hansaring 88", City: "Dortmund", PostalCode: "44137", Country: "DE"},
		{Street: "Industriestraße 41", City: "Köln", PostalCode: "50735", Country: "DE"},
		{Street: "Werkhof 3", City: "Bonn", PostalCode: "53117", Country: "DE"},
	},
	workers: []string{"Stefan Hauser", "Meltem Aydın", "Kai Lorenz", "Uwe Brinkmann"},
}

var france = &region{
	key: "fr", country: "FR", currency: "EUR", share: 17, mail: "example.net", odometer: "km", winter: 1, summer: true,
	given:  []string{"Adèle", "Bastien", "Camille", "Damien", "Élodie", "Fabrice", "Gaëlle", "Hugo", "Inès", "Julien", "Karim", "Lucie", "Mathilde", "Nicolas", "Océane", "Pascal", "Romane", "Sylvain", "Théo", "Valérie", "Yann", "Zoé"},
	family: []string{"Aubert", "Bonnet", "Chevalier", "Delmas", "Étienne", "Faure", "Garnier", "Hamel", "Imbert", "Jacquet", "Klein", "Lefort", "Marchand", "Noël", "Perrin", "Renaud", "Salmon", "Tessier", "Vidal", "Belkacem", "Roussel", "Gauthier"},
	cities: []city{
		{"Lyon", "", "6900#", "69", []string{"rue des Tilleuls", "quai du Vieux Pont", "avenue de la Gare"}},
		{"Lille", "", "59000", "59", []string{"rue du Moulin", "rue des Tanneurs", "allée des Érables"}},
		{"Nantes", "", "44#00", "44", []string{"rue de la Fontaine", "boulevard du Port", "impasse des Lilas"}},
	},
	plate: "@@-###-@@", licence: "############", identity: "##########",
	models: []model{
		{"Renault", "Clio", "VF1RJA00#########", hatch, 20500},
		{"Renault", "Captur", "VF1RJB00#########", suv, 25500},
		{"Peugeot", "208", "VR3UPHNKS*T######", hatch, 22000},
		{"Peugeot", "3008", "VF3MCYHZU*S######", suv, 37000},
		{"Citroën", "C3", "VF7SXHMR#*T######", hatch, 18500},
		{"Dacia", "Sandero", "UU1DJF00#########", hatch, 14500},
		{"Toyota", "Yaris", "VNKKBAC3#0A######", hatch, 22500},
	},
	labour: [2]int{7800, 10900}, price: 96, repairTax: "TVA", repairRate: 2000, taxLabour: true,
	premiumTax: "Taxe sur les conventions d'assurance", premRate: 1800,
	covers: []cover{
		{"compulsory-liability", []int64{100000000}, []int64{0}, 226, 100},
		{"comprehensive", nil, []int64{200, 350}, 4, 85},
		{"collision", nil, []int64{300, 450, 600}, 9, 70},
		{"theft", nil, []int64{300}, 2, 80},
		{"glass", []int64{1500}, []int64{0, 80}, 32, 90},
		{"passenger-accident", []int64{800000}, []int64{0}, 28, 75},
		{"roadside-assistance", []int64{2000}, []int64{0}, 24, 80},
	},
	branches: [4]document.Address{
		{Street: "14 place du Marché", City: "Lyon", PostalCode: "69002", Country: "FR"},
		{Street: "3 rue des Comptoirs", City: "Nantes", PostalCode: "44000", Country: "FR"},
		{Street: "27 rue des Ateliers", City: "Lyon", PostalCode: "69007", Country: "FR"},
		{Street: "9 chemin des Forges", City: "Lille", PostalCode: "59000", Country: "FR"},
	},
	workers: []string{"Régis Colin", "Nadia Benali", "Olivier Masson"},
}

var china = &region{
	key: "cn", country: "CN", currency: "CNY", share: 18, mail: "example.com", odometer: "km", winter: 8,
	given:       []string{"Bowen", "Chenxi", "Dongmei", "Fang", "Guoqiang", "Hui", "Jianhua", "Kaiwen", "Lihua", "Meiling", "Ningning", "Peng", "Qiang", "Rui", "Shan", "Tianyu", "Weiming", "Xiaoyan", "Yuting", "Zhihao"},
	family:      []string{"Cai", "Deng", "Fan", "Gao", "He", "Jiang", "Kong", "Lin", "Ma", "Ning", "Pan", "Qian", "Ren", "Shen", "Tang", "Wei", "Xu", "Yan", "Zhou", "Zheng"},
	familyFirst: true,
	cities: []city{
		{"Shanghai", "", "200###", "沪A·", []string{"Meihua Road", "Yinxing Road", "Qinghe Lane"}},
		{"Hangzhou", "Zhejiang", "310###", "浙A·", []string{"Hehua Street", "Longjing Lane", "Baita Road"}},
		{"Suzhou", "Jiangsu", "215###", "苏E·", []string{"Guihua Road", "Shiqiao Street", "Liyuan Road"}},
	},
	plate: "%s@####", licence: "X###########", identity: "###########X",
	models: []model{
		{"Volkswagen", "Lavida", "LSVNL6C1?*2######", sedan, 15000},
		{"BYD", "Han", "LGXCG6CF?*0######", sedan, 28000},
		{"BYD", "Qin Plus", "LC0CE4CB?*0######", sedan, 13500},
		{"Geely", "Emgrand", "LB37522Z?*L######", sedan, 10500},
		{"Tesla", "Model Y", "LRWYGCEK?*C######", suv, 34000},
		{"Haval", "H6", "LGWEF6A5?*H######", suv, 14500},
		{"Buick", "Envision", "LSGUA84B?*A######", suv, 25000},
		{"Honda", "Accord", "LHGCV165?*8######", sedan, 24000},
	},
	labour: [2]int{12000, 22000}, price: 430, repairTax: "VAT", repairRate: 1300, taxLabour: true,
	premiumTax: "VAT", premRate: 600,
	covers: []cover{
		{"compulsory-liability", []int64{200000}, []int64{0}, 950, 100},
		{"liability-property", []int64{1000000, 2000000, 3000000}, []int64{0}, 980, 96},
		{"collision", nil, []int64{0, 500}, 11, 85},
		{"passenger-accident", []int64{50000, 100000}, []int64{0}, 90, 70},
		{"roadside-assistance", []int64{2000}, []int64{0}, 60, 40},
	},
	branches: [4]document.Address{
		{Street: "Binjiang Avenue 188", City: "Shanghai", PostalCode: "200120", Country: "CN"},
		{Street: "Qianjiang Road 66", City: "Hangzhou", Region: "Zhejiang", PostalCode: "310016", Country: "CN"},
		{Street: "Jinxiu Road 520", City: "Shanghai", PostalCode: "201206", Country: "CN"},
		{Street: "Xinggang Street 9", City: "Suzhou", Region: "Jiangsu", PostalCode: "215021", Country: "CN"},
	},
	workers: []string{"Haoran Lu", "Jing Sun", "Bin Cheng"},
}

var canada = &region{
	key: "ca", country: "CA", currency: "CAD", share: 11, mail: "example.net", odometer: "km", winter: -5, summer: true,
	given:  []string{"Aidan", "Brigitte", "Callum", "Deepa", "Ethan", "Fiona", "Gordon", "Harpreet", "Isla", "Jacques", "Kirsten", "Liam", "Maeve", "Noah", "Priya", "Quentin", "Rohan", "Sophie"},
	family: []string{"Arsenault", "Bouchard", "Campbell", "Dhillon", "Eastwood", "Fraser", "Gagnon", "Hastings", "Iverson", "Lamoureux", "MacLeod", "Nadeau", "Pelletier", "Rahman", "Sinclair", "Tremblay", "Wong", "Kaur"},
	cities: []city{
		{"Ottawa", "ON", "K#@ #@#", "", []string{"Rideau Gate Cres", "Maplecrest Way", "Canal Bank Rd"}},
		{"Kingston", "ON", "K7@ #@#", "", []string{"Limestone Ave", "Harbourfront Rd"}},
		{"London", "ON", "N6@ #@#", "", []string{"Thamesview Dr", "Oakridge Cres"}},
	},
	plate: "C@@@ ###", licence: "@####-#####-#####", identity: "ON-#########",
	models: []model{
		{"Toyota", "RAV4", "2T3B1RFV?*W######", suv, 27500},
		{"Honda", "Civic", "2HGFC2F6?*H######", sedan, 21000},
		{"Ford", "Escape", "1FMCU9H6?*U######", suv, 25500},
		{"Mazda", "CX-5", "JM3KFBCM?*0######", suv, 26500},
		{"Chevrolet", "Silverado", "3GCUYDED?*G######", pickup, 39000},
		{"Volkswagen", "Jetta", "3VWC57BU?*M######", sedan, 21500},
	},
	labour: [2]int{7600, 9800}, price: 146, repairTax: "HST", repairRate: 1300, taxLabour: true,
	covers: []cover{
		{"compulsory-liability", []int64{1000000, 2000000}, []int64{0}, 610, 100},
		{"personal-injury", []int64{65000}, []int64{0}, 380, 100},
		{"uninsured-motorist", []int64{200000}, []int64{0}, 45, 100},
		{"collision", nil, []int64{500, 1000}, 16, 84},
		{"comprehensive", nil, []int64{300, 500}, 7, 86},
		{"rental", []int64{1500}, []int64{0}, 36, 50},
	},
	branches: [4]document.Address{
		{Street: "150 Confederation Sq", City: "Ottawa", Region: "ON", PostalCode: "K1P 5E7", Country: "CA"},
		{Street: "48 Thamesview Dr", City: "London", Region: "ON", PostalCode: "N6A 3K7", Country: "CA"},
		{Street: "905 Foundry Ln", City: "Ottawa", Region: "ON", PostalCode: "K1G 4H2", Country: "CA"},
		{Street: "12 Limestone Works", City: "Kingston", Region: "ON", PostalCode: "K7L 2V6", Country: "CA"},
	},
	workers: []string{"Graham Doyle", "Anita Singh", "Marc Leblanc"},
}
