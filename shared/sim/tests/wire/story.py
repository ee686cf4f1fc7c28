#!/usr/bin/env python3
"""A group's story told to the simulated AWS by boto3, a client that is not ours.

Reads the endpoint and the rest from the environment; exits 1 with the difference where an answer
is not what AWS would have said.
"""

import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(retries={"max_attempts": 1}, read_timeout=20)
ec2, autoscaling, route53, dynamodb, events, sts = (
    boto3.client(name, config=CONFIG) for name in ("ec2", "autoscaling", "route53", "dynamodb", "events", "sts")
)

LAUNCH, TERMINATE = "other-launch", "other-terminate"


def check(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: got {got!r}, wanted {wanted!r}")


def refused(code, call, **arguments):
    """The call must be refused with this code; gives the message."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        check(f"code of {error}", error.response["Error"]["Code"], code)
        assert error.response["ResponseMetadata"]["RequestId"], "an error without a request ID"
        return error.response["Error"]["Message"]
    sys.exit(f"wanted {code}, got {answer}")


def until(what, look, patience=30):
    """Waits for `look` to give something, for at most `patience` real seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    sys.exit(f"{what} never came")


def members(state):
    group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["db"])["AutoScalingGroups"][0]
    return [i for i in group["Instances"] if i["LifecycleState"] == state]


def volume_state(volume):
    return ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"]


def identity():
    check("account", sts.get_caller_identity()["Account"], "123456789012")


def network():
    vpc = ec2.describe_vpcs()["Vpcs"][0]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    zones = [z["ZoneName"] for z in ec2.describe_availability_zones()["AvailabilityZones"]]
    check("zones of the subnets", sorted(s["AvailabilityZone"] for s in subnets), zones)
    groups = ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"]
    check("default groups", len(groups), 1)
    kinds = ec2.describe_instance_types(InstanceTypes=["m7i.large"])["InstanceTypes"][0]
    assert kinds["EbsInfo"]["MaximumEbsAttachments"] > 10, kinds
    assert kinds["NetworkInfo"]["MaximumNetworkInterfaces"] >= 2, kinds
    return subnets, groups[0]["GroupId"]


def create_group(subnets):
    template = ec2.create_launch_template(
        LaunchTemplateName="db-nodes",
        LaunchTemplateData={
            "ImageId": "ami-0123456789abcdef0",
            "InstanceType": "m7i.large",
            "MetadataOptions": {"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "db node"}]}],
        },
    )["LaunchTemplate"]
    check("template", template["LaunchTemplateName"], "db-nodes")
    refused("InvalidLaunchTemplateName.AlreadyExistsException", ec2.create_launch_template,
            LaunchTemplateName="db-nodes", LaunchTemplateData={"InstanceType": "m7i.large"})
    check("templates by name", len(ec2.describe_launch_templates(LaunchTemplateNames=["db-nodes"])["LaunchTemplates"]), 1)
    hook = {"HeartbeatTimeout": 900, "DefaultResult": "CONTINUE"}
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="db", MinSize=0, MaxSize=3, DesiredCapacity=1,
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "$Latest"},
        VPCZoneIdentifier=",".join(s["SubnetId"] for s in subnets[:1]),
        LifecycleHookSpecificationList=[
            {"LifecycleHookName": LAUNCH, "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
             "NotificationMetadata": '{"v":1,"text":"<&>"}', **hook, "DefaultResult": "ABANDON"},
            {"LifecycleHookName": TERMINATE, "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING", **hook},
        ],
        Tags=[{"Key": "stateful-asg:group", "Value": "db & co", "PropagateAtLaunch": True}],
        AvailabilityZoneDistribution={"CapacityDistributionStrategy": "balanced-only"},
    )
    message = refused("AlreadyExists", autoscaling.create_auto_scaling_group, AutoScalingGroupName="db", MinSize=0, MaxSize=1,
                      LaunchTemplate={"LaunchTemplateName": "db-nodes"}, VPCZoneIdentifier=subnets[0]["SubnetId"])
    assert message
    hooks = autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="db")["LifecycleHooks"]
    by_name = {h["LifecycleHookName"]: h for h in hooks}
    check("metadata", by_name[LAUNCH]["NotificationMetadata"], '{"v":1,"text":"<&>"}')
    check("results", (by_name[LAUNCH]["DefaultResult"], by_name[TERMINATE]["DefaultResult"]), ("ABANDON", "CONTINUE"))
    check("timeouts", (by_name[LAUNCH]["HeartbeatTimeout"], by_name[LAUNCH]["GlobalTimeout"]), (900, 90000))
    found = autoscaling.describe_auto_scaling_groups(Filters=[{"Name": "tag:stateful-asg:group", "Values": ["db & co"]}])
    group = found["AutoScalingGroups"][0]
    check("group", (group["AutoScalingGroupName"], group["MaxSize"], group["DesiredCapacity"]), ("db", 3, 1))
    check("strategy", group["AvailabilityZoneDistribution"]["CapacityDistributionStrategy"], "balanced-only")
    autoscaling.suspend_processes(AutoScalingGroupName="db", ScalingProcesses=["AZRebalance"])
    group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["db"])["AutoScalingGroups"][0]
    check("suspended", [p["ProcessName"] for p in group["SuspendedProcesses"]], ["AZRebalance"])


def launch():
    instance = until("Pending:Wait", lambda: members("Pending:Wait"))[0]["InstanceId"]
    shown = autoscaling.describe_auto_scaling_instances(InstanceIds=[instance])["AutoScalingInstances"][0]
    check("as an instance", (shown["AutoScalingGroupName"], shown["LifecycleState"]), ("db", "Pending:Wait"))
    autoscaling.record_lifecycle_action_heartbeat(AutoScalingGroupName="db", LifecycleHookName=LAUNCH, InstanceId=instance)

    def running():
        page = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
        return [i for r in page["Reservations"] for i in r["Instances"] if i["InstanceId"] == instance]

    described = until("running", running)[0]
    tags = {t["Key"]: t["Value"] for t in described["Tags"]}
    check("tags", (tags["Name"], tags["stateful-asg:group"]), ("db node", "db & co"))
    assert described["PrivateIpAddress"] and described["LaunchTime"] and described["Placement"]["AvailabilityZone"]
    check("primary interface", described["NetworkInterfaces"][0]["Attachment"]["DeviceIndex"], 0)
    return instance, described


def disk(instance, zone):
    arguments = {
        "AvailabilityZone": zone, "Size": 20, "VolumeType": "gp3", "Encrypted": True, "ClientToken": "token-1",
        "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "slot", "Value": "0 & <1>"}]}],
    }
    created = ec2.create_volume(**arguments)
    volume = created["VolumeId"]
    check("state at first", created["State"], "creating")
    check("the same again", ec2.create_volume(**arguments)["VolumeId"], volume)
    refused("IdempotentParameterMismatch", ec2.create_volume, **{**arguments, "Size": 21})
    until("available", lambda: volume_state(volume) == "available")
    found = ec2.describe_volumes(Filters=[{"Name": "tag:slot", "Values": ["0 & <1>"]}])["Volumes"]
    check("by its tag", [v["VolumeId"] for v in found], [volume])
    attached = ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    check("attaching", attached["State"], "attaching")
    until("attached", lambda: [a for a in ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"] if a["State"] == "attached"])
    refused("VolumeInUse", ec2.attach_volume, VolumeId=volume, InstanceId=instance, Device="/dev/sdg")
    ec2.modify_instance_attribute(
        InstanceId=instance, BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": False}}])
    attachment = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"][0]
    check("attachment", (attachment["InstanceId"], attachment["Device"], attachment["DeleteOnTermination"]), (instance, "/dev/sdf", False))
    refused("InvalidVolume.NotFound", ec2.describe_volumes, VolumeIds=["vol-0123456789abcdef0"])
    refused("DryRunOperation", ec2.delete_volume, VolumeId=volume, DryRun=True)
    return volume


def interface(instance, subnet, group):
    made = ec2.create_network_interface(
        SubnetId=subnet, Groups=[group], Description="slot 0",
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": [{"Key": "slot", "Value": "0"}]}])["NetworkInterface"]
    eni = made["NetworkInterfaceId"]
    until("free", lambda: ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"][0]["Status"] == "available")
    attachment = ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)["AttachmentId"]
    until("in use", lambda: ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"][0]["Status"] == "in-use")
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=eni, Attachment={"AttachmentId": attachment, "DeleteOnTermination": False})
    shown = ec2.describe_network_interfaces(Filters=[{"Name": "tag:slot", "Values": ["0"]}])["NetworkInterfaces"][0]
    check("interface", (shown["NetworkInterfaceId"], shown["Attachment"]["InstanceId"], shown["Attachment"]["DeviceIndex"]), (eni, instance, 1))
    check("its address", shown["PrivateIpAddress"], made["PrivateIpAddress"])
    return eni


def tags(instance):
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "stateful-asg:claim", "Value": "1"}, {"Key": "gone", "Value": ""}])
    ec2.delete_tags(Resources=[instance], Tags=[{"Key": "gone"}])
    found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])["Tags"]
    assert {"stateful-asg:claim"} <= {t["Key"] for t in found} and "gone" not in {t["Key"] for t in found}, found
    autoscaling.create_or_update_tags(
        Tags=[{"ResourceId": "db", "ResourceType": "auto-scaling-group", "Key": "team", "Value": "db", "PropagateAtLaunch": False}])
    found = autoscaling.describe_tags(Filters=[{"Name": "key", "Values": ["team"]}])["Tags"]
    check("group's tag", [(t["ResourceId"], t["Value"], t["PropagateAtLaunch"]) for t in found], [("db", "db", False)])


def complete(instance):
    done = {"AutoScalingGroupName": "db", "LifecycleHookName": LAUNCH, "LifecycleActionResult": "CONTINUE", "InstanceId": instance}
    autoscaling.complete_lifecycle_action(**done)
    until("InService", lambda: members("InService"))
    message = refused("ValidationError", autoscaling.complete_lifecycle_action, **done)
    assert message.startswith("No active Lifecycle Action found"), message


def snapshots(instance, volume, zone, other):
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "why", "Value": "a & b"}]}]
    taken = ec2.create_snapshots(InstanceSpecification={"InstanceId": instance, "ExcludeBootVolume": True},
                                 Description="all <of it>", CopyTagsFromSource="volume", TagSpecifications=tags)["Snapshots"]
    check("set", [(s["VolumeId"], s["State"], s["Description"]) for s in taken], [(volume, "pending", "all <of it>")])
    snapshot = taken[0]["SnapshotId"]
    mine = [{"Name": "tag:why", "Values": ["a & b"]}, {"Name": "status", "Values": ["completed"]}]
    shown = until("a completed snapshot", lambda: ec2.describe_snapshots(OwnerIds=["self"], Filters=mine)["Snapshots"])[0]
    check("snapshot", (shown["SnapshotId"], shown["VolumeId"], shown["State"], shown["Progress"], shown["OwnerId"], shown["Encrypted"]),
          (snapshot, volume, "completed", "100%", "123456789012", True))
    check("its moment", shown["StartTime"], taken[0]["StartTime"])
    assert shown["CompletionTime"] > shown["StartTime"], shown
    check("another owner's", ec2.describe_snapshots(OwnerIds=["amazon"])["Snapshots"], [])
    size = shown["VolumeSize"]
    refused("InvalidParameterValue", ec2.create_volume, AvailabilityZone=zone, SnapshotId=snapshot, Size=size - 1, VolumeType="gp3")
    made = ec2.create_volume(AvailabilityZone=other, SnapshotId=snapshot, Size=size + 5, VolumeType="gp3", Iops=4000,
                             VolumeInitializationRate=200)
    check("made of it", (made["SnapshotId"], made["Size"], made["Iops"], made["AvailabilityZone"], made["VolumeInitializationRate"]),
          (snapshot, size + 5, 4000, other, 200))
    until("it is available", lambda: volume_state(made["VolumeId"]) == "available")
    one = ec2.create_snapshot(VolumeId=made["VolumeId"], Description="one")
    check("one", (one["VolumeId"], one["State"], one["VolumeSize"]), (made["VolumeId"], "pending", size + 5))
    ec2.delete_snapshot(SnapshotId=snapshot)
    refused("InvalidSnapshot.NotFound", ec2.describe_snapshots, SnapshotIds=[snapshot])
    refused("InvalidSnapshot.NotFound", ec2.delete_snapshot, SnapshotId=snapshot)
    ec2.delete_volume(VolumeId=made["VolumeId"])
    until("it is gone", lambda: made["VolumeId"] not in [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]])


def growth(volume):
    refused("InvalidVolumeModification.NotFound", ec2.describe_volumes_modifications, VolumeIds=[volume])
    before = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
    refused("InvalidParameterValue", ec2.modify_volume, VolumeId=volume, Size=before["Size"] - 1)
    change = ec2.modify_volume(VolumeId=volume, Size=before["Size"] + 10, Iops=4000, Throughput=250)["VolumeModification"]
    check("change", (change["ModificationState"], change["OriginalSize"], change["TargetSize"], change["TargetIops"],
                     change["TargetThroughput"], change["TargetVolumeType"]),
          ("modifying", before["Size"], before["Size"] + 10, 4000, 250, "gp3"))
    grown = [{"Name": "modification-state", "Values": ["optimizing", "completed"]}]
    shown = until("it has grown", lambda: ec2.describe_volumes_modifications(Filters=grown)["VolumesModifications"])[0]
    check("its start", (shown["VolumeId"], shown["StartTime"]), (volume, change["StartTime"]))
    after = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
    check("grown", (after["Size"], after["Iops"], after["Throughput"]), (before["Size"] + 10, 4000, 250))


def terminate(instance, volume, eni):
    activity = autoscaling.terminate_instance_in_auto_scaling_group(InstanceId=instance, ShouldDecrementDesiredCapacity=True)["Activity"]
    check("activity", activity["AutoScalingGroupName"], "db")
    until("Terminating:Wait", lambda: members("Terminating:Wait"))
    check("still attached", volume_state(volume), "in-use")
    autoscaling.complete_lifecycle_action(
        AutoScalingGroupName="db", LifecycleHookName=TERMINATE, LifecycleActionResult="CONTINUE", InstanceId=instance)
    until("the volume is free", lambda: volume_state(volume) == "available")
    until("the interface is free",
          lambda: ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"][0]["Status"] == "available")
    until("an empty group", lambda: not autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["db"])["AutoScalingGroups"][0]["Instances"])
    assert autoscaling.describe_scaling_activities(AutoScalingGroupName="db")["Activities"]


def clean(volume, eni):
    ec2.delete_network_interface(NetworkInterfaceId=eni)
    ec2.delete_volume(VolumeId=volume)
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName="db")
    until("no group", lambda: not autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"])


def names():
    made = route53.create_hosted_zone(Name="db.internal", CallerReference="1")
    zone = made["HostedZone"]["Id"]
    check("zones", [z["Id"] for z in route53.list_hosted_zones()["HostedZones"]], [zone])
    check("zone", route53.get_hosted_zone(Id=zone)["HostedZone"]["Name"], "db.internal.")

    def change(*changes):
        changes = [{"Action": action, "ResourceRecordSet": {
            "Name": name, "Type": "A", "TTL": 30, "ResourceRecords": [{"Value": value}]}} for action, name, value in changes]
        return {"HostedZoneId": zone, "ChangeBatch": {"Comment": "a & b", "Changes": changes}}

    info = route53.change_resource_record_sets(**change(("CREATE", "Slot-0.db.internal", "10.0.0.1")))["ChangeInfo"]
    until("INSYNC", lambda: route53.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "INSYNC", patience=60)
    message = refused("InvalidChangeBatch", route53.change_resource_record_sets, **change(("CREATE", "slot-0.db.internal", "10.0.0.2")))
    assert "already exists" in message, message
    message = refused("InvalidChangeBatch", route53.change_resource_record_sets,
                      **change(("DELETE", "slot-0.db.internal", "10.0.0.9"), ("CREATE", "slot-0.db.internal", "10.0.0.2")))
    assert "do not match the current values" in message, message
    route53.change_resource_record_sets(**change(("DELETE", "slot-0.db.internal", "10.0.0.1"), ("CREATE", "slot-0.db.internal", "10.0.0.2")))
    page = route53.list_resource_record_sets(HostedZoneId=zone, StartRecordName="slot-0.db.internal", StartRecordType="A", MaxItems="1")
    record = page["ResourceRecordSets"][0]
    check("record", (record["Name"], record["TTL"], record["ResourceRecords"]), ("slot-0.db.internal.", 30, [{"Value": "10.0.0.2"}]))
    check("all types", sorted(r["Type"] for r in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]), ["A", "NS", "SOA"])
    refused("NoSuchHostedZone", route53.list_resource_record_sets, HostedZoneId="Z00000000000000000000")


def table():
    dynamodb.create_table(
        TableName="slots", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}])
    check("table", dynamodb.describe_table(TableName="slots")["Table"]["TableStatus"], "ACTIVE")
    key = {"pk": {"S": "db"}, "sk": {"S": "slot#0"}}
    put = {"TableName": "slots", "Item": {**key, "generation": {"N": "1"}}, "ConditionExpression": "attribute_not_exists(pk)"}
    dynamodb.put_item(**put)
    refused("ConditionalCheckFailedException", dynamodb.put_item, **put)
    dynamodb.update_item(TableName="slots", Key=key, UpdateExpression="ADD generation :one", ExpressionAttributeValues={":one": {"N": "1"}})
    check("item", dynamodb.get_item(TableName="slots", Key=key, ConsistentRead=True)["Item"]["generation"], {"N": "2"})
    other = {**put["Item"], "sk": {"S": "slot#1"}}
    try:
        dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "slots", "Item": other}}, {"Put": put}])
        sys.exit("the transaction was not cancelled")
    except dynamodb.exceptions.TransactionCanceledException as error:
        check("reasons", [r["Code"] for r in error.response["CancellationReasons"]], ["None", "ConditionalCheckFailed"])
    found = dynamodb.query(TableName="slots", KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "db"}})
    check("query", found["Count"], 1)
    check("scan", dynamodb.scan(TableName="slots")["Count"], 1)


def unknown():
    message = refused("InvalidAction", ec2.describe_key_pairs)
    assert "DescribeVolumes" in message, message
    refused("InvalidAction", autoscaling.describe_policies)
    refused("UnknownOperationException", events.list_rules)


def main():
    identity()
    subnets, group = network()
    create_group(subnets)
    instance, described = launch()
    volume = disk(instance, described["Placement"]["AvailabilityZone"])
    eni = interface(instance, described["SubnetId"], group)
    tags(instance)
    complete(instance)
    zones = [s["AvailabilityZone"] for s in subnets]
    snapshots(instance, volume, described["Placement"]["AvailabilityZone"], zones[-1])
    growth(volume)
    put = events.put_events(Entries=[{"Source": "stateful-asg", "DetailType": "Settle", "Detail": json.dumps({"group": "db"})}])
    check("put", (put["FailedEntryCount"], bool(put["Entries"][0]["EventId"])), (0, True))
    terminate(instance, volume, eni)
    clean(volume, eni)
    names()
    table()
    unknown()
    print("the whole story was told")


main()
