"""What the contract's cases find when they begin, and how it is taken away again."""

from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

HEARTBEAT = 30
HOOKS = {"waiting": "autoscaling:EC2_INSTANCE_LAUNCHING", "leaving": "autoscaling:EC2_INSTANCE_TERMINATING"}
GONE = ("terminated", None)


class Fixtures:
    def __init__(self, run):
        self.run, self.target = run, run.target
        self.ec2, self.autoscaling, self.route53, self.dynamodb = (
            run.clients[name] for name in ("ec2", "autoscaling", "route53", "dynamodb")
        )
        self.made = []
        self.count = 0

    def make(self, given):
        subnets = self.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
        self.subnets = sorted(subnets, key=lambda subnet: subnet["AvailabilityZone"])
        for letter, subnet in zip("ab", self.subnets):
            self.run.names[f"zone_{letter}"] = subnet["AvailabilityZone"]
            self.run.names[f"subnet_{letter}"] = subnet["SubnetId"]
        for name, what in given.items():
            kind, *rest = what.split()
            kind, _, zone = kind.partition("@")
            index = "ab".index(zone or "a")
            getattr(self, f"make_{kind}")(name, index, *map(int, rest))

    def name(self, name, value, /, **more):
        self.run.names[name] = value
        self.run.names.update({f"{name}.{part}": inner for part, inner in more.items()})

    def until(self, look, wanted):
        for _ in range(1800):
            seen = look()
            if seen in wanted:
                return seen
            if not self.target.wait(1):
                break
        raise NotImplementedError(f"{wanted} never came, last seen: {seen}")

    def created(self, service, operation, **arguments):
        self.target.allow(f"{service}:{operation}", arguments)
        answer = self.run.call(f"{service}:{operation}", arguments)
        return answer

    def make_volume(self, name, zone, size=1):
        made = self.created("ec2", "CreateVolume", AvailabilityZone=self.subnets[zone]["AvailabilityZone"], Size=size, VolumeType="gp3")
        volume = made["VolumeId"]
        self.until(lambda: self.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"], ["available"])
        self.name(name, volume)

    def make_snapshot(self, name, zone, size=1):
        self.make_volume(f"{name}.volume", zone, size)
        snapshot = self.created("ec2", "CreateSnapshot", VolumeId=self.run.names[f"{name}.volume"])["SnapshotId"]
        self.until(lambda: self.ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"], ["completed"])
        self.name(name, snapshot)

    def make_interface(self, name, zone):
        made = self.created("ec2", "CreateNetworkInterface", SubnetId=self.subnets[zone]["SubnetId"])
        self.name(name, made["NetworkInterface"]["NetworkInterfaceId"])

    def make_zone(self, name, _):
        domain = f"contract-{self.run.names['run']}.internal"
        made = self.created(
            "route53", "CreateHostedZone", Name=f"{domain}.", CallerReference=domain,
            VPC={"VPCRegion": self.ec2.meta.region_name, "VPCId": self.subnets[0]["VpcId"]},
        )  # fmt: skip
        self.name(name, made["HostedZone"]["Id"].split("/")[-1], name=domain)

    def make_table(self, name, _):
        table = f"contract-{self.run.names['run']}"
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        self.created(
            "dynamodb", "CreateTable", TableName=table, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        )  # fmt: skip
        self.until(lambda: self.dynamodb.describe_table(TableName=table)["Table"]["TableStatus"], ["ACTIVE"])
        self.name(name, table)

    def state(self, instance):
        found = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        return found[0]["Instances"][0]["State"]["Name"] if found else None

    def make_instance(self, name, zone):
        instance = self.target.launch(self, zone)
        self.until(lambda: self.state(instance), ["running"])
        self.name(name, instance)
        return instance

    def make_stopped(self, name, zone):
        instance = self.make_instance(name, zone)
        self.ec2.stop_instances(InstanceIds=[instance])
        self.until(lambda: self.state(instance), ["stopped"])

    def make_terminated(self, name, zone):
        instance = self.make_instance(name, zone)
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.until(lambda: self.state(instance), GONE)

    def make_waiting(self, name, zone):
        group = self.group(zone, "waiting")
        self.name(name, self.member(group, "Pending:Wait"), group=group, hook="hook")

    def make_leaving(self, name, zone):
        group = self.group(zone, "leaving")
        instance = self.member(group, "InService")
        self.autoscaling.terminate_instance_in_auto_scaling_group(InstanceId=instance, ShouldDecrementDesiredCapacity=True)
        self.name(name, instance, group=group, hook="hook")

    def member(self, group, state):
        def look():
            found = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
            return next(((i["LifecycleState"], i["InstanceId"]) for i in found[0]["Instances"]), (None, None))

        self.until(lambda: look()[0], [state])
        return look()[1]

    def group(self, zone, hook=None):
        """A group of one, whose hook waits for half a minute."""
        self.count += 1
        name = f"contract-{self.run.names['run']}-{self.count}"
        data = {"ImageId": self.target.image(self.ec2), "InstanceType": self.target.instance_type}
        self.created("ec2", "CreateLaunchTemplate", LaunchTemplateName=name, LaunchTemplateData=data)
        hooks = [{"LifecycleHookName": "hook", "LifecycleTransition": HOOKS[hook], "HeartbeatTimeout": HEARTBEAT}] if hook else []
        self.created(
            "autoscaling", "CreateAutoScalingGroup", AutoScalingGroupName=name, MinSize=0, MaxSize=1, DesiredCapacity=1,
            VPCZoneIdentifier=self.subnets[zone]["SubnetId"], LifecycleHookSpecificationList=hooks,
            LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"},
        )  # fmt: skip
        self.made.append(("autoscaling", "delete_auto_scaling_group", {"AutoScalingGroupName": name, "ForceDelete": True}))
        self.made.append(("ec2", "delete_launch_template", {"LaunchTemplateName": name}))
        return name

    def remember(self, operation, answer):
        """Notes how what was created is deleted again."""
        ways = {
            "ec2:CreateVolume": lambda: ("ec2", "delete_volume", {"VolumeId": answer["VolumeId"]}),
            "ec2:CreateSnapshot": lambda: ("ec2", "delete_snapshot", {"SnapshotId": answer["SnapshotId"]}),
            "ec2:CreateNetworkInterface": lambda: (
                "ec2", "delete_network_interface", {"NetworkInterfaceId": answer["NetworkInterface"]["NetworkInterfaceId"]},
            ),
            "ec2:RunInstances": lambda: ("ec2", "terminate_instances", {"InstanceIds": [answer["Instances"][0]["InstanceId"]]}),
            "route53:CreateHostedZone": lambda: ("route53", "delete_hosted_zone", {"Id": answer["HostedZone"]["Id"]}),
            "dynamodb:CreateTable": lambda: ("dynamodb", "delete_table", {"TableName": answer["TableDescription"]["TableName"]}),
        }  # fmt: skip
        if operation in ways:
            self.made.append(ways[operation]())

    def clean(self):
        """Deletes everything that the case made; instances first, since they hold the rest."""
        if not self.target.cleans:
            return
        left = sorted(self.made, key=lambda way: way[1] not in ("delete_auto_scaling_group", "terminate_instances"))
        for _ in range(30):
            left = [way for way in left if not self.delete(*way)]
            if not left:
                return
            self.target.wait(10)
        raise AssertionError(f"left behind, delete it by hand: {left}")

    def delete(self, service, method, arguments):
        """True when it is gone."""
        if method == "delete_hosted_zone":
            with suppress(ClientError):
                self.empty_zone(arguments["Id"])
        try:
            getattr(self.run.clients[service], method)(**arguments)
            return True
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return "NotFound" in code or code in ("NoSuchHostedZone", "ResourceNotFoundException", "ValidationError")
        except BotoCoreError:
            return False

    def empty_zone(self, zone):
        records = self.route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        changes = [{"Action": "DELETE", "ResourceRecordSet": r} for r in records if r["Type"] not in ("NS", "SOA")]
        if changes:
            self.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
