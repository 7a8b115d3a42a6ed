//! The request shapes of the operations, as the ECS service model (botocore 1.44.5, `ecs/2014-11-13/service-2.json`)
//! names and types them. Facts in a table and nothing else: [`super::model`] reads it.

use super::model::Shape::{self, Boolean, Enum, Integer, List, String, StringMap, Structure};
use super::model::{optional, required};

/// The request shape of `operation`, if it is one of those modelled.
pub(super) fn request(operation: &str) -> Option<Shape> {
    Some(match operation {
        "CreateCluster" => CREATE_CLUSTER,
        "DescribeClusters" => DESCRIBE_CLUSTERS,
        "ListClusters" => LIST_CLUSTERS,
        "DeleteCluster" => DELETE_CLUSTER,
        "RegisterTaskDefinition" => REGISTER_TASK_DEFINITION,
        "DescribeTaskDefinition" => DESCRIBE_TASK_DEFINITION,
        "DeregisterTaskDefinition" => DEREGISTER_TASK_DEFINITION,
        "ListTaskDefinitions" => LIST_TASK_DEFINITIONS,
        "ListTaskDefinitionFamilies" => LIST_TASK_DEFINITION_FAMILIES,
        "RunTask" => RUN_TASK,
        "StopTask" => STOP_TASK,
        "DescribeTasks" => DESCRIBE_TASKS,
        "ListTasks" => LIST_TASKS,
        "TagResource" => TAG_RESOURCE,
        "UntagResource" => UNTAG_RESOURCE,
        "ListTagsForResource" => LIST_TAGS_FOR_RESOURCE,
        _ => return None,
    })
}

const TAG: Shape = Structure(&[optional("key", String), optional("value", String)]);

const CLUSTER_SETTING: Shape = Structure(&[optional("name", Enum(&["containerInsights"])), optional("value", String)]);

const EXECUTE_COMMAND_LOG_CONFIGURATION: Shape = Structure(&[
    optional("cloudWatchLogGroupName", String),
    optional("cloudWatchEncryptionEnabled", Boolean),
    optional("s3BucketName", String),
    optional("s3EncryptionEnabled", Boolean),
    optional("s3KeyPrefix", String),
]);

const EXECUTE_COMMAND_CONFIGURATION: Shape = Structure(&[
    optional("kmsKeyId", String),
    optional("logging", Enum(&["NONE", "DEFAULT", "OVERRIDE"])),
    optional("logConfiguration", EXECUTE_COMMAND_LOG_CONFIGURATION),
]);

const MANAGED_STORAGE_CONFIGURATION: Shape =
    Structure(&[optional("kmsKeyId", String), optional("fargateEphemeralStorageKmsKeyId", String)]);

const CLUSTER_CONFIGURATION: Shape = Structure(&[
    optional("executeCommandConfiguration", EXECUTE_COMMAND_CONFIGURATION),
    optional("managedStorageConfiguration", MANAGED_STORAGE_CONFIGURATION),
]);

const CAPACITY_PROVIDER_STRATEGY_ITEM: Shape =
    Structure(&[required("capacityProvider", String), optional("weight", Integer), optional("base", Integer)]);

const CLUSTER_SERVICE_CONNECT_DEFAULTS_REQUEST: Shape = Structure(&[required("namespace", String)]);

const CREATE_CLUSTER: Shape = Structure(&[
    optional("clusterName", String),
    optional("tags", List(&TAG)),
    optional("settings", List(&CLUSTER_SETTING)),
    optional("configuration", CLUSTER_CONFIGURATION),
    optional("capacityProviders", List(&String)),
    optional("defaultCapacityProviderStrategy", List(&CAPACITY_PROVIDER_STRATEGY_ITEM)),
    optional("serviceConnectDefaults", CLUSTER_SERVICE_CONNECT_DEFAULTS_REQUEST),
]);

const DESCRIBE_CLUSTERS: Shape = Structure(&[
    optional("clusters", List(&String)),
    optional("include", List(&Enum(&["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"]))),
]);

const LIST_CLUSTERS: Shape = Structure(&[optional("nextToken", String), optional("maxResults", Integer)]);

const DELETE_CLUSTER: Shape = Structure(&[required("cluster", String)]);

const REPOSITORY_CREDENTIALS: Shape = Structure(&[required("credentialsParameter", String)]);

const PORT_MAPPING: Shape = Structure(&[
    optional("containerPort", Integer),
    optional("hostPort", Integer),
    optional("protocol", Enum(&["tcp", "udp"])),
    optional("name", String),
    optional("appProtocol", Enum(&["http", "http2", "grpc"])),
    optional("containerPortRange", String),
]);

const CONTAINER_RESTART_POLICY: Shape = Structure(&[
    required("enabled", Boolean),
    optional("ignoredExitCodes", List(&Integer)),
    optional("restartAttemptPeriod", Integer),
]);

const KEY_VALUE_PAIR: Shape = Structure(&[optional("name", String), optional("value", String)]);

const ENVIRONMENT_FILE: Shape = Structure(&[required("value", String), required("type", Enum(&["s3"]))]);

const MOUNT_POINT: Shape =
    Structure(&[optional("sourceVolume", String), optional("containerPath", String), optional("readOnly", Boolean)]);

const VOLUME_FROM: Shape = Structure(&[optional("sourceContainer", String), optional("readOnly", Boolean)]);

const KERNEL_CAPABILITIES: Shape = Structure(&[optional("add", List(&String)), optional("drop", List(&String))]);

const DEVICE: Shape = Structure(&[
    required("hostPath", String),
    optional("containerPath", String),
    optional("permissions", List(&Enum(&["read", "write", "mknod"]))),
]);

const TMPFS: Shape =
    Structure(&[required("containerPath", String), required("size", Integer), optional("mountOptions", List(&String))]);

const LINUX_PARAMETERS: Shape = Structure(&[
    optional("capabilities", KERNEL_CAPABILITIES),
    optional("devices", List(&DEVICE)),
    optional("initProcessEnabled", Boolean),
    optional("sharedMemorySize", Integer),
    optional("tmpfs", List(&TMPFS)),
    optional("maxSwap", Integer),
    optional("swappiness", Integer),
]);

const SECRET: Shape = Structure(&[required("name", String), required("valueFrom", String)]);

const CONTAINER_DEPENDENCY: Shape = Structure(&[
    required("containerName", String),
    required("condition", Enum(&["START", "COMPLETE", "SUCCESS", "HEALTHY"])),
]);

const HOST_ENTRY: Shape = Structure(&[required("hostname", String), required("ipAddress", String)]);

const ULIMIT: Shape = Structure(&[
    required(
        "name",
        Enum(&[
            "core",
            "cpu",
            "data",
            "fsize",
            "locks",
            "memlock",
            "msgqueue",
            "nice",
            "nofile",
            "nproc",
            "rss",
            "rtprio",
            "rttime",
            "sigpending",
            "stack",
        ]),
    ),
    required("softLimit", Integer),
    required("hardLimit", Integer),
]);

const LOG_CONFIGURATION: Shape = Structure(&[
    required(
        "logDriver",
        Enum(&["json-file", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "awsfirelens"]),
    ),
    optional("options", StringMap),
    optional("secretOptions", List(&SECRET)),
]);

const HEALTH_CHECK: Shape = Structure(&[
    required("command", List(&String)),
    optional("interval", Integer),
    optional("timeout", Integer),
    optional("retries", Integer),
    optional("startPeriod", Integer),
]);

const SYSTEM_CONTROL: Shape = Structure(&[optional("namespace", String), optional("value", String)]);

const NVIDIA_MPS_ALLOCATION: Shape = Structure(&[required("memory", Integer), optional("maxComputePercent", Integer)]);

const SHARING_STRATEGY: Shape = Structure(&[optional("nvidiaMps", NVIDIA_MPS_ALLOCATION)]);

const RESOURCE_REQUIREMENT: Shape = Structure(&[
    optional("value", String),
    required("type", Enum(&["GPU", "InferenceAccelerator", "NeuronDevice"])),
    optional("sharingStrategy", SHARING_STRATEGY),
]);

const FIRELENS_CONFIGURATION: Shape =
    Structure(&[required("type", Enum(&["fluentd", "fluentbit"])), optional("options", StringMap)]);

const CONTAINER_DEFINITION: Shape = Structure(&[
    optional("name", String),
    optional("image", String),
    optional("repositoryCredentials", REPOSITORY_CREDENTIALS),
    optional("cpu", Integer),
    optional("memory", Integer),
    optional("memoryReservation", Integer),
    optional("links", List(&String)),
    optional("portMappings", List(&PORT_MAPPING)),
    optional("essential", Boolean),
    optional("restartPolicy", CONTAINER_RESTART_POLICY),
    optional("entryPoint", List(&String)),
    optional("command", List(&String)),
    optional("environment", List(&KEY_VALUE_PAIR)),
    optional("environmentFiles", List(&ENVIRONMENT_FILE)),
    optional("mountPoints", List(&MOUNT_POINT)),
    optional("volumesFrom", List(&VOLUME_FROM)),
    optional("linuxParameters", LINUX_PARAMETERS),
    optional("secrets", List(&SECRET)),
    optional("dependsOn", List(&CONTAINER_DEPENDENCY)),
    optional("startTimeout", Integer),
    optional("stopTimeout", Integer),
    optional("versionConsistency", Enum(&["enabled", "disabled"])),
    optional("hostname", String),
    optional("user", String),
    optional("workingDirectory", String),
    optional("disableNetworking", Boolean),
    optional("privileged", Boolean),
    optional("readonlyRootFilesystem", Boolean),
    optional("dnsServers", List(&String)),
    optional("dnsSearchDomains", List(&String)),
    optional("extraHosts", List(&HOST_ENTRY)),
    optional("dockerSecurityOptions", List(&String)),
    optional("interactive", Boolean),
    optional("pseudoTerminal", Boolean),
    optional("dockerLabels", StringMap),
    optional("ulimits", List(&ULIMIT)),
    optional("logConfiguration", LOG_CONFIGURATION),
    optional("healthCheck", HEALTH_CHECK),
    optional("systemControls", List(&SYSTEM_CONTROL)),
    optional("resourceRequirements", List(&RESOURCE_REQUIREMENT)),
    optional("firelensConfiguration", FIRELENS_CONFIGURATION),
    optional("credentialSpecs", List(&String)),
]);

const HOST_VOLUME_PROPERTIES: Shape = Structure(&[optional("sourcePath", String)]);

const DOCKER_VOLUME_CONFIGURATION: Shape = Structure(&[
    optional("scope", Enum(&["task", "shared"])),
    optional("autoprovision", Boolean),
    optional("driver", String),
    optional("driverOpts", StringMap),
    optional("labels", StringMap),
]);

const EFS_AUTHORIZATION_CONFIG: Shape =
    Structure(&[optional("accessPointId", String), optional("iam", Enum(&["ENABLED", "DISABLED"]))]);

const EFS_VOLUME_CONFIGURATION: Shape = Structure(&[
    required("fileSystemId", String),
    optional("rootDirectory", String),
    optional("transitEncryption", Enum(&["ENABLED", "DISABLED"])),
    optional("transitEncryptionPort", Integer),
    optional("authorizationConfig", EFS_AUTHORIZATION_CONFIG),
]);

const S3_FILES_VOLUME_CONFIGURATION: Shape = Structure(&[
    required("fileSystemArn", String),
    optional("rootDirectory", String),
    optional("transitEncryptionPort", Integer),
    optional("accessPointArn", String),
]);

const F_SX_WINDOWS_FILE_SERVER_AUTHORIZATION_CONFIG: Shape =
    Structure(&[required("credentialsParameter", String), required("domain", String)]);

const F_SX_WINDOWS_FILE_SERVER_VOLUME_CONFIGURATION: Shape = Structure(&[
    required("fileSystemId", String),
    required("rootDirectory", String),
    required("authorizationConfig", F_SX_WINDOWS_FILE_SERVER_AUTHORIZATION_CONFIG),
]);

const VOLUME: Shape = Structure(&[
    optional("name", String),
    optional("host", HOST_VOLUME_PROPERTIES),
    optional("dockerVolumeConfiguration", DOCKER_VOLUME_CONFIGURATION),
    optional("efsVolumeConfiguration", EFS_VOLUME_CONFIGURATION),
    optional("s3filesVolumeConfiguration", S3_FILES_VOLUME_CONFIGURATION),
    optional("fsxWindowsFileServerVolumeConfiguration", F_SX_WINDOWS_FILE_SERVER_VOLUME_CONFIGURATION),
    optional("configuredAtLaunch", Boolean),
]);

const TASK_DEFINITION_PLACEMENT_CONSTRAINT: Shape =
    Structure(&[optional("type", Enum(&["memberOf"])), optional("expression", String)]);

const PROXY_CONFIGURATION: Shape = Structure(&[
    optional("type", Enum(&["APPMESH"])),
    required("containerName", String),
    optional("properties", List(&KEY_VALUE_PAIR)),
]);

const INFERENCE_ACCELERATOR: Shape = Structure(&[required("deviceName", String), required("deviceType", String)]);

const EPHEMERAL_STORAGE: Shape = Structure(&[required("sizeInGiB", Integer)]);

const RUNTIME_PLATFORM: Shape = Structure(&[
    optional("cpuArchitecture", Enum(&["X86_64", "ARM64"])),
    optional(
        "operatingSystemFamily",
        Enum(&[
            "WINDOWS_SERVER_2019_FULL",
            "WINDOWS_SERVER_2019_CORE",
            "WINDOWS_SERVER_2016_FULL",
            "WINDOWS_SERVER_2004_CORE",
            "WINDOWS_SERVER_2022_CORE",
            "WINDOWS_SERVER_2022_FULL",
            "WINDOWS_SERVER_2025_CORE",
            "WINDOWS_SERVER_2025_FULL",
            "WINDOWS_SERVER_20H2_CORE",
            "LINUX",
        ]),
    ),
]);

const TRUSTED_EXECUTION_CONFIGURATION: Shape = Structure(&[
    required("isolationMode", Enum(&["SHARED", "ISOLATED_SANDBOX", "CONFIDENTIAL_SANDBOX"])),
    optional("attestationPolicy", String),
]);

const REGISTER_TASK_DEFINITION: Shape = Structure(&[
    required("family", String),
    optional("taskRoleArn", String),
    optional("executionRoleArn", String),
    optional("networkMode", Enum(&["bridge", "host", "awsvpc", "none"])),
    required("containerDefinitions", List(&CONTAINER_DEFINITION)),
    optional("volumes", List(&VOLUME)),
    optional("placementConstraints", List(&TASK_DEFINITION_PLACEMENT_CONSTRAINT)),
    optional("requiresCompatibilities", List(&Enum(&["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"]))),
    optional("cpu", String),
    optional("memory", String),
    optional("tags", List(&TAG)),
    optional("pidMode", Enum(&["host", "task"])),
    optional("ipcMode", Enum(&["host", "task", "none"])),
    optional("proxyConfiguration", PROXY_CONFIGURATION),
    optional("inferenceAccelerators", List(&INFERENCE_ACCELERATOR)),
    optional("ephemeralStorage", EPHEMERAL_STORAGE),
    optional("runtimePlatform", RUNTIME_PLATFORM),
    optional("enableFaultInjection", Boolean),
    optional("trustedExecutionConfiguration", TRUSTED_EXECUTION_CONFIGURATION),
]);

const DESCRIBE_TASK_DEFINITION: Shape =
    Structure(&[required("taskDefinition", String), optional("include", List(&Enum(&["TAGS"])))]);

const DEREGISTER_TASK_DEFINITION: Shape = Structure(&[required("taskDefinition", String)]);

const LIST_TASK_DEFINITIONS: Shape = Structure(&[
    optional("familyPrefix", String),
    optional("status", Enum(&["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"])),
    optional("sort", Enum(&["ASC", "DESC"])),
    optional("nextToken", String),
    optional("maxResults", Integer),
]);

const LIST_TASK_DEFINITION_FAMILIES: Shape = Structure(&[
    optional("familyPrefix", String),
    optional("status", Enum(&["ACTIVE", "INACTIVE", "ALL"])),
    optional("nextToken", String),
    optional("maxResults", Integer),
]);

const AWS_VPC_CONFIGURATION: Shape = Structure(&[
    required("subnets", List(&String)),
    optional("securityGroups", List(&String)),
    optional("assignPublicIp", Enum(&["ENABLED", "DISABLED"])),
]);

const NETWORK_CONFIGURATION: Shape = Structure(&[optional("awsvpcConfiguration", AWS_VPC_CONFIGURATION)]);

const CONTAINER_OVERRIDE: Shape = Structure(&[
    optional("name", String),
    optional("command", List(&String)),
    optional("environment", List(&KEY_VALUE_PAIR)),
    optional("environmentFiles", List(&ENVIRONMENT_FILE)),
    optional("cpu", Integer),
    optional("memory", Integer),
    optional("memoryReservation", Integer),
    optional("resourceRequirements", List(&RESOURCE_REQUIREMENT)),
]);

const INFERENCE_ACCELERATOR_OVERRIDE: Shape =
    Structure(&[optional("deviceName", String), optional("deviceType", String)]);

const TASK_OVERRIDE: Shape = Structure(&[
    optional("containerOverrides", List(&CONTAINER_OVERRIDE)),
    optional("cpu", String),
    optional("inferenceAcceleratorOverrides", List(&INFERENCE_ACCELERATOR_OVERRIDE)),
    optional("executionRoleArn", String),
    optional("memory", String),
    optional("taskRoleArn", String),
    optional("ephemeralStorage", EPHEMERAL_STORAGE),
]);

const PLACEMENT_CONSTRAINT: Shape =
    Structure(&[optional("type", Enum(&["distinctInstance", "memberOf"])), optional("expression", String)]);

const PLACEMENT_STRATEGY: Shape =
    Structure(&[optional("type", Enum(&["random", "spread", "binpack"])), optional("field", String)]);

const EBS_TAG_SPECIFICATION: Shape = Structure(&[
    required("resourceType", Enum(&["volume"])),
    optional("tags", List(&TAG)),
    optional("propagateTags", Enum(&["TASK_DEFINITION", "SERVICE", "NONE"])),
]);

const TASK_MANAGED_EBS_VOLUME_TERMINATION_POLICY: Shape = Structure(&[required("deleteOnTermination", Boolean)]);

const TASK_MANAGED_EBS_VOLUME_CONFIGURATION: Shape = Structure(&[
    optional("encrypted", Boolean),
    optional("kmsKeyId", String),
    optional("volumeType", String),
    optional("sizeInGiB", Integer),
    optional("snapshotId", String),
    optional("volumeInitializationRate", Integer),
    optional("iops", Integer),
    optional("throughput", Integer),
    optional("tagSpecifications", List(&EBS_TAG_SPECIFICATION)),
    required("roleArn", String),
    optional("terminationPolicy", TASK_MANAGED_EBS_VOLUME_TERMINATION_POLICY),
    optional("filesystemType", Enum(&["ext3", "ext4", "xfs", "ntfs"])),
]);

const TASK_VOLUME_CONFIGURATION: Shape =
    Structure(&[required("name", String), optional("managedEBSVolume", TASK_MANAGED_EBS_VOLUME_CONFIGURATION)]);

const RUN_TASK: Shape = Structure(&[
    optional("capacityProviderStrategy", List(&CAPACITY_PROVIDER_STRATEGY_ITEM)),
    optional("cluster", String),
    optional("count", Integer),
    optional("enableECSManagedTags", Boolean),
    optional("enableExecuteCommand", Boolean),
    optional("group", String),
    optional("launchType", Enum(&["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"])),
    optional("networkConfiguration", NETWORK_CONFIGURATION),
    optional("overrides", TASK_OVERRIDE),
    optional("placementConstraints", List(&PLACEMENT_CONSTRAINT)),
    optional("placementStrategy", List(&PLACEMENT_STRATEGY)),
    optional("platformVersion", String),
    optional("propagateTags", Enum(&["TASK_DEFINITION", "SERVICE", "NONE"])),
    optional("referenceId", String),
    optional("startedBy", String),
    optional("tags", List(&TAG)),
    required("taskDefinition", String),
    optional("clientToken", String),
    optional("volumeConfigurations", List(&TASK_VOLUME_CONFIGURATION)),
]);

const STOP_TASK: Shape =
    Structure(&[optional("cluster", String), required("task", String), optional("reason", String)]);

const DESCRIBE_TASKS: Shape = Structure(&[
    optional("cluster", String),
    required("tasks", List(&String)),
    optional("include", List(&Enum(&["TAGS"]))),
]);

const LIST_TASKS: Shape = Structure(&[
    optional("cluster", String),
    optional("containerInstance", String),
    optional("family", String),
    optional("nextToken", String),
    optional("maxResults", Integer),
    optional("startedBy", String),
    optional("serviceName", String),
    optional("desiredStatus", Enum(&["RUNNING", "PENDING", "STOPPED"])),
    optional("launchType", Enum(&["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"])),
    optional("daemonName", String),
]);

const TAG_RESOURCE: Shape = Structure(&[required("resourceArn", String), required("tags", List(&TAG))]);

const UNTAG_RESOURCE: Shape = Structure(&[required("resourceArn", String), required("tagKeys", List(&String))]);

const LIST_TAGS_FOR_RESOURCE: Shape = Structure(&[required("resourceArn", String)]);
