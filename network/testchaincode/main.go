// Program testchaincode stores and reads bytes and nothing else. It stands in
// for the contract where only the network is under test, and is the yardstick
// against which the contract's throughput is measured.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

type chaincode struct{}

func (chaincode) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (chaincode) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	function, args := stub.GetFunctionAndParameters()
	switch {
	case function == "Put" && len(args) == 2:
		if err := stub.PutState(args[0], []byte(args[1])); err != nil {
			return shim.Error(err.Error())
		}
		return shim.Success(nil)
	case function == "Get" && len(args) == 1:
		value, err := stub.GetState(args[0])
		if err != nil {
			return shim.Error(err.Error())
		}
		if value == nil {
			return shim.Error(fmt.Sprintf("no value under %q", args[0]))
		}
		return shim.Success(value)
	case function == "org.hyperledger.fabric:GetMetadata": // what the launcher's readiness probe asks any chaincode
		return shim.Success([]byte("{}"))
	}
	return shim.Error(fmt.Sprintf("unknown function %q with %d arguments: use Put key value or Get key", function, len(args)))
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	var files [3][]byte
	for i, variable := range []string{"CHAINCODE_TLS_KEY", "CHAINCODE_TLS_CERT", "CHAINCODE_CLIENT_CA_CERT"} {
		contents, err := os.ReadFile(os.Getenv(variable))
		if err != nil {
			return fmt.Errorf("read the file named by %s: %w", variable, err)
		}
		files[i] = contents
	}
	server := &shim.ChaincodeServer{
		CCID:     os.Getenv("CHAINCODE_ID"),
		Address:  os.Getenv("CHAINCODE_SERVER_ADDRESS"),
		CC:       chaincode{},
		TLSProps: shim.TLSProperties{Key: files[0], Cert: files[1], ClientCACerts: files[2]},
	}
	return server.Start()
}
