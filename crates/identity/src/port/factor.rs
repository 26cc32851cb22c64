//! Second factors of subjects.

use super::StoreError;
use crate::model::Factor;
use async_trait::async_trait;
use doorward_base::{FactorId, SubjectId, Timestamp};

/// Reading factors.
#[async_trait]
pub trait FactorRead: Send {
    /// A factor of a subject.
    async fn find_factor(
        &mut self,
        subject: SubjectId,
        id: FactorId,
    ) -> Result<Option<Factor>, StoreError>;
    /// A subject's factors, oldest first, at most 100.
    async fn list_factors(&mut self, subject: SubjectId) -> Result<Vec<Factor>, StoreError>;
}

/// Writing factors.
#[async_trait]
pub trait FactorWrite: Send {
    /// Adds a factor.
    async fn insert_factor(&mut self, factor: &Factor) -> Result<(), StoreError>;
    /// Marks a factor as shown to work; says whether it was not before.
    async fn verify_factor(&mut self, id: FactorId, at: Timestamp) -> Result<bool, StoreError>;
    /// Records a use with its counter; says whether the counter is larger than every one
    /// used before. Where it is not, nothing is written.
    async fn use_factor(
        &mut self,
        id: FactorId,
        counter: i64,
        at: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Removes a factor; says whether there was one.
    async fn delete_factor(&mut self, id: FactorId) -> Result<bool, StoreError>;
    /// Removes a subject's factors and says how many.
    async fn delete_factors_of(&mut self, subject: SubjectId) -> Result<u64, StoreError>;
}
