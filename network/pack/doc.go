// Package pack makes what an operator of a Fabric network deploys: the
// chaincode's source with everything it needs, the package that Fabric's own
// command makes of it, the package of the chaincode as a service, and the file
// that says who the system managers are.
//
// Everything is reproducible: the same sources and the same system.json give
// the same bytes, whoever makes them, and so the same package id. Two
// organisations that compare ids know that they install the same chaincode. An
// id says nothing about who wrote the sources, and a service's id nothing about
// the program that runs.
package pack
