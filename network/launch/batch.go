package launch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-admin-sdk/pkg/channel"
	"github.com/hyperledger/fabric-admin-sdk/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer/smartbft"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/claimshare/claimshare/network/topology"
)

const (
	ordererGroup      = "Orderer"
	batchSizeValue    = "BatchSize"
	batchTimeoutValue = "BatchTimeout"
	consensusValue    = "ConsensusType"
)

// setBatch changes how the running orderers cut blocks, by a channel
// configuration transaction that a majority of the orderers' administrators sign.
func setBatch(ctx context.Context, l layout, t topology.Topology, p ports, batch topology.Batch) error {
	at, err := administer(l, p, members(t)[0])
	if err != nil {
		return fmt.Errorf("change the batch: %w", err)
	}
	defer at.conn.Close()
	current, err := readConfig(ctx, at, t.Channel)
	if err != nil {
		return fmt.Errorf("change the batch: %w", err)
	}
	update, changed, err := batchUpdate(t.Channel, current, batch)
	if err != nil {
		return fmt.Errorf("change the batch: %w", err)
	}
	if !changed {
		return nil
	}
	envelope, err := signUpdate(l, t, update)
	if err != nil {
		return fmt.Errorf("change the batch: sign: %w", err)
	}
	if err := broadcast(ctx, l, t, p, envelope); err != nil {
		return fmt.Errorf("change the batch: %w", err)
	}
	err = retry(ctx, func(ctx context.Context) error { // until the new configuration has reached the peer
		now, err := readConfig(ctx, at, t.Channel)
		if err != nil {
			return err
		}
		if _, pending, err := batchUpdate(t.Channel, now, batch); err != nil || pending {
			return errors.Join(err, errors.New("the orderers have not taken the new configuration"))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("change the batch: %w", err)
	}
	return nil
}

// addInterval follows the batch timeout in the options of the BFT protocol, which
// has its own notion of it.
func addInterval(changed map[string]*common.ConfigValue, old *common.ConfigValue, batch topology.Batch) error {
	consensus, options := new(orderer.ConsensusType), new(smartbft.Options)
	if err := proto.Unmarshal(old.GetValue(), consensus); err != nil {
		return err
	}
	if consensus.GetType() != "BFT" {
		return nil
	}
	if err := proto.Unmarshal(consensus.GetMetadata(), options); err != nil {
		return err
	}
	if options.GetRequestBatchMaxInterval() == batch.Timeout.String() {
		return nil
	}
	options.RequestBatchMaxInterval = batch.Timeout.String()
	var err error
	if consensus.Metadata, err = proto.Marshal(options); err != nil {
		return err
	}
	raw, err := proto.Marshal(consensus)
	if err != nil {
		return err
	}
	changed[consensusValue] = &common.ConfigValue{Version: old.GetVersion() + 1, Value: raw, ModPolicy: old.GetModPolicy()}
	return nil
}

func readConfig(ctx context.Context, at administered, channelName string) (*common.ConfigGroup, error) {
	block, err := channel.GetConfigBlock(ctx, at.conn, at.admin, channelName)
	if err != nil {
		return nil, fmt.Errorf("read the channel's configuration: %w", err)
	}
	envelope, payload, config := new(common.Envelope), new(common.Payload), new(common.ConfigEnvelope)
	if len(block.GetData().GetData()) != 1 {
		return nil, errors.New("read the channel's configuration: not a configuration block")
	}
	err = errors.Join(
		proto.Unmarshal(block.GetData().GetData()[0], envelope),
		proto.Unmarshal(envelope.GetPayload(), payload),
		proto.Unmarshal(payload.GetData(), config),
	)
	if err != nil {
		return nil, fmt.Errorf("read the channel's configuration: %w", err)
	}
	return config.GetConfig().GetChannelGroup(), nil
}

// batchUpdate is the difference between the configuration and the batch wanted:
// the changed values, one version on, and the versions of the groups they are in.
func batchUpdate(channelName string, current *common.ConfigGroup, batch topology.Batch) (*common.ConfigUpdate, bool, error) {
	ordering := current.GetGroups()[ordererGroup]
	oldSize, oldTimeout := ordering.GetValues()[batchSizeValue], ordering.GetValues()[batchTimeoutValue]
	size, timeout := new(orderer.BatchSize), new(orderer.BatchTimeout)
	if err := errors.Join(proto.Unmarshal(oldSize.GetValue(), size), proto.Unmarshal(oldTimeout.GetValue(), timeout)); err != nil {
		return nil, false, err
	}
	changed := map[string]*common.ConfigValue{}
	if size.GetMaxMessageCount() != batch.MaxMessages {
		size.MaxMessageCount = batch.MaxMessages
		raw, err := proto.Marshal(size)
		if err != nil {
			return nil, false, err
		}
		changed[batchSizeValue] = &common.ConfigValue{Version: oldSize.GetVersion() + 1, Value: raw, ModPolicy: oldSize.GetModPolicy()}
	}
	if old, err := time.ParseDuration(timeout.GetTimeout()); err != nil || old != batch.Timeout {
		raw, err := proto.Marshal(&orderer.BatchTimeout{Timeout: batch.Timeout.String()})
		if err != nil {
			return nil, false, err
		}
		changed[batchTimeoutValue] = &common.ConfigValue{Version: oldTimeout.GetVersion() + 1, Value: raw, ModPolicy: oldTimeout.GetModPolicy()}
	}
	if err := addInterval(changed, ordering.GetValues()[consensusValue], batch); err != nil {
		return nil, false, err
	}
	tree := func(values map[string]*common.ConfigValue) *common.ConfigGroup {
		return &common.ConfigGroup{
			Version: current.GetVersion(),
			Groups:  map[string]*common.ConfigGroup{ordererGroup: {Version: ordering.GetVersion(), Values: values}},
		}
	}
	update := &common.ConfigUpdate{ChannelId: channelName, ReadSet: tree(nil), WriteSet: tree(changed)}
	return update, len(changed) > 0, nil
}

// signUpdate has every ordering organisation's administrator sign, and the first
// of them send.
func signUpdate(l layout, t topology.Topology, update *common.ConfigUpdate) (*common.Envelope, error) {
	raw, err := proto.Marshal(update)
	if err != nil {
		return nil, err
	}
	signed := &common.ConfigUpdateEnvelope{ConfigUpdate: raw}
	for _, o := range t.WithOrderers() {
		admin, err := administrator(l, o)
		if err != nil {
			return nil, err
		}
		header, err := signatureHeader(admin)
		if err != nil {
			return nil, err
		}
		signature, err := admin.Sign(append(append([]byte{}, header...), raw...))
		if err != nil {
			return nil, err
		}
		signed.Signatures = append(signed.Signatures, &common.ConfigSignature{SignatureHeader: header, Signature: signature})
	}
	sender, err := administrator(l, t.WithOrderers()[0])
	if err != nil {
		return nil, err
	}
	header, err := signatureHeader(sender)
	if err != nil {
		return nil, err
	}
	channelHeader, err := proto.Marshal(&common.ChannelHeader{
		Type: int32(common.HeaderType_CONFIG_UPDATE), ChannelId: update.GetChannelId(), Timestamp: timestamppb.Now(),
	})
	if err != nil {
		return nil, err
	}
	data, err := proto.Marshal(signed)
	if err != nil {
		return nil, err
	}
	payload, err := proto.Marshal(&common.Payload{
		Header: &common.Header{ChannelHeader: channelHeader, SignatureHeader: header}, Data: data,
	})
	if err != nil {
		return nil, err
	}
	signature, err := sender.Sign(payload)
	if err != nil {
		return nil, err
	}
	return &common.Envelope{Payload: payload, Signature: signature}, nil
}

func signatureHeader(who identity.SigningIdentity) ([]byte, error) {
	creator, err := proto.Marshal(&msp.SerializedIdentity{Mspid: who.MspID(), IdBytes: who.Credentials()})
	if err != nil {
		return nil, err
	}
	const nonceSize = 24
	nonce := make([]byte, nonceSize)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return proto.Marshal(&common.SignatureHeader{Creator: creator, Nonce: nonce})
}

func broadcast(ctx context.Context, l layout, t topology.Topology, p ports, envelope *common.Envelope) error {
	o := t.WithOrderers()[0]
	host := o.Orderers[0]
	conn, err := dial(p.address(nodeName(o, host), mainPort), l.tlsRoot(o), host+"."+o.Domain)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := orderer.NewAtomicBroadcastClient(conn).Broadcast(ctx)
	if err != nil {
		return fmt.Errorf("send to the orderer: %w", err)
	}
	if err := stream.Send(envelope); err != nil {
		return fmt.Errorf("send to the orderer: %w", err)
	}
	answer, err := stream.Recv()
	if err != nil {
		return fmt.Errorf("send to the orderer: %w", err)
	}
	if answer.GetStatus() != common.Status_SUCCESS {
		return fmt.Errorf("the orderer refuses: %s %s", answer.GetStatus(), answer.GetInfo())
	}
	return nil
}
