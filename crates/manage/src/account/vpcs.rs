//! VPCs and their subnets.

use std::collections::{BTreeMap, BTreeSet};

use aws::{SdkConfig, call::Query};

use super::{
    network::{items, text},
    trouble::Trouble,
};

/// The default VPC of a region, and the subnets of VPCs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vpcs {
    /// Id of the default VPC.
    pub default: Option<String>,
    /// Ids of subnets, by VPC.
    pub subnets: BTreeMap<String, Vec<String>>,
}

impl Vpcs {
    /// Looks at the default VPC and at these.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn of(config: &SdkConfig, ids: &BTreeSet<String>) -> Result<Self, Trouble> {
        let filter = [("Filter.1.Name", "is-default"), ("Filter.1.Value.1", "true")];
        let vpcs = Query::ec2(config, "DescribeVpcs").call(&filter).await;
        let vpcs = vpcs.map_err(|error| Trouble::of_call("ec2:DescribeVpcs", error))?;
        let vpcs = items("ec2:DescribeVpcs", &vpcs, "vpcSet", |vpc| text(vpc, "vpcId"))?;
        let default = vpcs.into_iter().flatten().next();
        let wanted: BTreeSet<&str> = ids.iter().map(String::as_str).chain(default.as_deref()).collect();
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let names: Vec<String> = (1..=wanted.len()).map(|number| format!("Filter.1.Value.{number}")).collect();
        let mut filter = vec![("Filter.1.Name", "vpc-id")];
        filter.extend(names.iter().map(String::as_str).zip(wanted));
        let subnets = Query::ec2(config, "DescribeSubnets").call(&filter).await;
        let subnets = subnets.map_err(|error| Trouble::of_call("ec2:DescribeSubnets", error))?;
        let subnets = items("ec2:DescribeSubnets", &subnets, "subnetSet", |it| {
            Some((text(it, "vpcId")?, text(it, "subnetId")?))
        })?;
        let mut by_vpc: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (vpc, subnet) in subnets.into_iter().flatten() {
            by_vpc.entry(vpc).or_default().push(subnet);
        }
        Ok(Self { default, subnets: by_vpc })
    }
}
