//! Subnets, and where the packets of a task in one may go.

use std::collections::{BTreeMap, BTreeSet};

use aws::{SdkConfig, call::Query};
use roxmltree::{Document, Node};

use super::trouble::Trouble;

/// The way from a subnet to the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayOut {
    /// By an internet gateway: for tasks with a public address.
    InternetGateway,
    /// By something that has a public address itself: a NAT gateway, a transit gateway, an appliance.
    Through(String),
    /// None.
    None,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetFacts {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Addresses that nobody has.
    pub free: u64,
    /// Its default route.
    pub way_out: WayOut,
}

/// Subnets with what their VPCs have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The subnets that there are, of those that were asked for.
    pub subnets: Vec<SubnetFacts>,
    /// Services with an endpoint, by VPC: the last parts of their names, like `ecr.dkr`.
    pub endpoints: BTreeMap<String, BTreeSet<String>>,
}

impl Network {
    /// Looks at subnets by their ids.
    ///
    /// # Errors
    /// [`Trouble`]; one of the ids is of no subnet: `InvalidSubnetID.NotFound`.
    pub async fn of(config: &SdkConfig, ids: &BTreeSet<String>) -> Result<Self, Trouble> {
        let names: Vec<String> = (1..=ids.len()).map(|number| format!("SubnetId.{number}")).collect();
        let parameters: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(ids.iter().map(String::as_str)).collect();
        let subnets = Query::ec2(config, "DescribeSubnets").call(&parameters).await;
        let subnets = subnets.map_err(|error| Trouble::of_call("ec2:DescribeSubnets", error))?;
        let subnets = items("ec2:DescribeSubnets", &subnets, "subnetSet", subnet)?;
        let vpcs: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.vpc_id.as_str()).collect();
        let mut filter = vec![("Filter.1.Name", "vpc-id")];
        let names: Vec<String> = (1..=vpcs.len()).map(|number| format!("Filter.1.Value.{number}")).collect();
        filter.extend(names.iter().map(String::as_str).zip(vpcs));
        let tables = Query::ec2(config, "DescribeRouteTables").call(&filter).await;
        let tables = tables.map_err(|error| Trouble::of_call("ec2:DescribeRouteTables", error))?;
        let tables = items("ec2:DescribeRouteTables", &tables, "routeTableSet", table)?;
        let endpoints = Query::ec2(config, "DescribeVpcEndpoints").call(&filter).await;
        let endpoints = endpoints.map_err(|error| Trouble::of_call("ec2:DescribeVpcEndpoints", error))?;
        let mut by_vpc: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (vpc, service) in items("ec2:DescribeVpcEndpoints", &endpoints, "vpcEndpointSet", endpoint)? {
            by_vpc.entry(vpc).or_default().insert(service);
        }
        let subnets = subnets.into_iter().map(|subnet| SubnetFacts { way_out: way_out(&subnet, &tables), ..subnet });
        Ok(Self { subnets: subnets.collect(), endpoints: by_vpc })
    }
}

/// A route table: its VPC, the subnets that it is for, whether it is for all others, and its default route.
struct Table {
    vpc_id: String,
    subnets: Vec<String>,
    main: bool,
    way_out: WayOut,
}

/// VPC user guide, "Subnet route tables": a subnet without a table of its own has its VPC's main one.
fn way_out(subnet: &SubnetFacts, tables: &[Table]) -> WayOut {
    let own = tables.iter().find(|table| table.subnets.contains(&subnet.id));
    let table = own.or_else(|| tables.iter().find(|table| table.main && table.vpc_id == subnet.vpc_id));
    table.map_or(WayOut::None, |table| table.way_out.clone())
}

/// The items of a set in an answer of EC2.
pub(super) fn items<T>(
    operation: &'static str,
    answer: &str,
    set: &str,
    read: impl Fn(Node<'_, '_>) -> T,
) -> Result<Vec<T>, Trouble> {
    let document = Document::parse(answer)
        .map_err(|error| Trouble::NoAnswer { operation, reason: format!("it cannot be read: {error}") })?;
    Ok(members(document.root_element(), set).map(read).collect())
}

/// The text of a child.
pub(super) fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    let found = node.children().find(|it| it.tag_name().name() == name)?;
    found.text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn members<'a, 'i>(node: Node<'a, 'i>, set: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    let set = node.children().find(|it| it.tag_name().name() == set);
    set.into_iter().flat_map(|set| set.children().filter(|it| it.tag_name().name() == "item"))
}

fn subnet(item: Node<'_, '_>) -> SubnetFacts {
    let text = |name: &str| text(item, name).unwrap_or_default();
    SubnetFacts {
        id: text("subnetId"),
        vpc_id: text("vpcId"),
        free: text("availableIpAddressCount").parse().unwrap_or_default(),
        way_out: WayOut::None,
    }
}

fn table(item: Node<'_, '_>) -> Table {
    let associations: Vec<Node<'_, '_>> = members(item, "associationSet").collect();
    let default = members(item, "routeSet").find(|route| {
        text(*route, "destinationCidrBlock").as_deref() == Some("0.0.0.0/0")
            && text(*route, "state").as_deref() != Some("blackhole")
    });
    Table {
        vpc_id: text(item, "vpcId").unwrap_or_default(),
        subnets: associations.iter().filter_map(|it| text(*it, "subnetId")).collect(),
        main: associations.iter().any(|it| text(*it, "main").as_deref() == Some("true")),
        way_out: default.map_or(WayOut::None, target),
    }
}

/// EC2 API reference, Route: one of these members names the target.
fn target(route: Node<'_, '_>) -> WayOut {
    match text(route, "gatewayId") {
        Some(id) if id.starts_with("igw-") => return WayOut::InternetGateway,
        Some(id) => return WayOut::Through(id),
        None => {}
    }
    let others = ["natGatewayId", "transitGatewayId", "networkInterfaceId", "instanceId", "vpcPeeringConnectionId"];
    others.iter().find_map(|name| text(route, name)).map_or(WayOut::None, WayOut::Through)
}

/// `com.amazonaws.eu-west-1.ecr.dkr`: what stands behind the region.
fn endpoint(item: Node<'_, '_>) -> (String, String) {
    let name = text(item, "serviceName").unwrap_or_default();
    let service = name.split('.').skip_while(|part| !part.contains('-')).skip(1).collect::<Vec<_>>().join(".");
    (text(item, "vpcId").unwrap_or_default(), service)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = r#"<DescribeRouteTablesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><routeTableSet>
        <item><vpcId>vpc-1</vpcId><routeSet>
            <item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId></item>
            <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId></item>
        </routeSet><associationSet><item><main>false</main><subnetId>subnet-a</subnetId></item></associationSet></item>
        <item><vpcId>vpc-1</vpcId><routeSet>
            <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId></item>
        </routeSet><associationSet><item><main>true</main></item></associationSet></item>
        <item><vpcId>vpc-2</vpcId><routeSet>
            <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-9</natGatewayId><state>blackhole</state></item>
        </routeSet><associationSet><item><main>true</main></item></associationSet></item>
        </routeTableSet></DescribeRouteTablesResponse>"#;

    #[test]
    fn a_subnet_has_its_own_table_or_the_main_one_of_its_vpc() {
        let tables = items("x", TABLES, "routeTableSet", table).unwrap();
        let of = |id: &str, vpc: &str| {
            let subnet = SubnetFacts { id: id.into(), vpc_id: vpc.into(), free: 0, way_out: WayOut::None };
            way_out(&subnet, &tables)
        };
        assert_eq!(of("subnet-a", "vpc-1"), WayOut::Through("nat-1".to_owned()));
        assert_eq!(of("subnet-b", "vpc-1"), WayOut::InternetGateway);
        // The gateway behind that route is gone.
        assert_eq!(of("subnet-c", "vpc-2"), WayOut::None);
        assert_eq!(of("subnet-d", "vpc-3"), WayOut::None);
    }

    #[test]
    fn an_endpoint_is_called_by_its_service() {
        let answer = "<r><vpcEndpointSet><item><vpcId>v</vpcId><serviceName>com.amazonaws.eu-west-1.ecr.dkr</serviceName>\
            </item></vpcEndpointSet></r>";
        let found = items("x", answer, "vpcEndpointSet", endpoint).unwrap();
        assert_eq!(found, [("v".to_owned(), "ecr.dkr".to_owned())]);
        assert!(items("x", "<not xml", "a", endpoint).is_err());
    }
}
