package document

import (
	"fmt"
	"strconv"
	"strings"
)

// minorUnits is ISO 4217: the national currencies in use at some time since
// January 2025, by the number of digits of their minor unit. Funds, precious
// metals and testing codes are left out: nobody insures a car in them.
var minorUnits = func() map[string]int {
	m := make(map[string]int)
	for digits, codes := range map[int]string{
		0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
		2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD " +
			"CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD " +
			"HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK " +
			"MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB " +
			"SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD " +
			"UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
		3: "BHD IQD JOD KWD LYD OMR TND",
	} {
		for _, code := range strings.Fields(codes) {
			m[code] = digits
		}
	}
	return m
}()

// MinorUnit returns how many digits the minor unit of an ISO 4217 currency
// has: 2 for EUR, 0 for JPY. It reports false for a code that is not in use.
func MinorUnit(currency string) (digits int, ok bool) {
	digits, ok = minorUnits[currency]
	return digits, ok
}

// FormatAmount writes an amount for people: 1234567 and EUR give
// "12,345.67 EUR". An unknown currency is written in minor units.
func FormatAmount(minor int64, currency string) string {
	digits, ok := minorUnits[currency]
	if !ok {
		return fmt.Sprintf("%d minor units of %s", minor, currency)
	}
	sign := ""
	if minor < 0 {
		sign = "-"
	}
	s := strings.TrimPrefix(strconv.FormatInt(minor, 10), "-")
	if missing := digits + 1 - len(s); missing > 0 {
		s = strings.Repeat("0", missing) + s
	}
	whole, fraction := s[:len(s)-digits], s[len(s)-digits:]
	var b strings.Builder
	b.WriteString(sign)
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	if digits > 0 {
		b.WriteByte('.')
		b.WriteString(fraction)
	}
	return b.String() + " " + currency
}

// share is amount times part / whole, rounded to the nearest minor unit,
// halves up. The schema's maxima keep it far from overflow.
func share(amount, part, whole int64) int64 {
	return (amount*part + whole/2) / whole
}
